// Package lstm is a long short-term memory network: layers, training and
// inference.
//
// One step of a layer reads its input x and its own output h of the step before,
// and keeps a cell state c:
//
//	f = sigmoid(W_f [h, x] + b_f)    forget gate
//	i = sigmoid(W_i [h, x] + b_i)    input gate
//	o = sigmoid(W_o [h, x] + b_o)    output gate
//	c~ = tanh(W_c [h, x] + b_c)      candidate, called g below
//	c = f*c + i*c~
//	h = o*tanh(c)
//
// This is the cell of Hochreiter and Schmidhuber (1997, "Long short-term
// memory") with the forget gate of Gers, Schmidhuber and Cummins (2000,
// "Learning to forget"), without peepholes. cell.go has the equations of both
// passes as they are computed.
//
// # Use
//
//	net, err := lstm.New(lstm.Config{Input: 96, Hidden: 256, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
//	u := net.Unroll(steps, batch) // memory for training
//	u.Forward(y, x)               // x [T][batch][96], y [T][batch][256]
//	u.Backward(dx, dy)            // sets dx, adds to the gradients
//	u.EachParam(func(name string, w, g []float32) { ... })
//
// A [Layer] holds the weights of the whole stack. [Layer.Unroll] lays it out in
// time for training, [Layer.Infer] for whole sequences without a backward pass,
// [Layer.Predictor] for one step at a time. Each of them owns its memory and
// is for one goroutine at a time; any number of them may share a Layer as long
// as nobody writes its weights. After that first allocation nothing allocates.
//
// # Tensors
//
// Tensors are []float32, time-major: x is [T][B][Input], y is [T][B][Out] with
// Out = Hidden, or 2*Hidden for a bidirectional layer, the forward half first,
// unless Config.Merge says otherwise. (Unrolled.SetBatchFirst is for tensors that
// are [B][T][Input].)
// A slice of a wrong length panics before anything is written, and so does a
// call out of order; what comes from outside (a Config, a file, lengths, a
// state) is answered with an error.
//
// # Parameters
//
// Names, shapes and the order of gates are PyTorch's, so weights move in both
// directions as they are:
//
//	weight_ih_l0          [4*Hidden][Input]   rows of i, then f, g, o
//	weight_hh_l0          [4*Hidden][Hidden]
//	bias_ih_l0            [4*Hidden]
//	bias_hh_l0            [4*Hidden]
//	weight_ih_l0_reverse  ...                 of a direction that runs backwards
//	weight_ih_l1          [4*Hidden][Out]
//
// # Bits
//
// For given weights and inputs every result has the same bits on every
// instruction set, architecture and number of workers, and a row's outputs,
// states and dx do not depend on the rows around it, on where a sequence is cut
// into calls, or on the way it is run: Unroll, Infer and Predictor agree to the
// bit. Gradients of weights are sums over time and batch in an order that
// depends on the batch alone. docs/numerics.md has the rules.
package lstm
