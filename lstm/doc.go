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
// passes as they are computed. Fields of Config change it: see Variants.
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
// time for training, [Layer.UnrollWithin] for sequences too long to keep whole,
// [Layer.Infer] for whole sequences without a backward pass, [Layer.Predictor] for
// one step at a time. Each of them owns its memory and is for one goroutine at a
// time; any number of them may share a Layer as long as nobody writes its weights.
//
// Once made, they allocate nothing: neither in Forward, ForwardLengths, Backward and
// Step, nor in methods that set, reset or copy into slices of the caller. State,
// StateGrad, Clock and MaskState return copies, which they allocate; SetWorkers may
// allocate memory for more workers, and ReserveSymbols, HoldSymbols and a ForwardSymbols with
// more symbols than before allocate that for symbols. The goroutines that share the work are
// started once in a process, when they are first needed.
//
// # Tensors
//
// Tensors are []float32, time-major: x is [T][B][Input], y is [T][B][Out] with
// Out = Hidden, or 2*Hidden for a bidirectional layer, the forward half first,
// unless Config.Merge says otherwise; with Config.Projection it stands for Hidden
// there. (Unrolled.SetBatchFirst is for tensors that are [B][T][Input].)
//
// Rows of a batch may have lengths of their own. Where these are data,
// [Unrolled.ForwardLengths] takes them with the x that they belong to and returns an
// error if they do not fit; [Unrolled.SetLengths] sets them for several calls of
// Forward, which panics if a length is beyond its steps.
//
// What a call writes has memory of its own: y must not overlap x, nor dx the dy of the
// same call or the x of the Forward before it, and no slice of Forward or Backward may
// overlap a parameter or a gradient. Slices that overlap where they must not panic. x is
// kept, not copied, until Backward.
//
// A slice of a wrong length panics before anything is written, and so do overlapping
// slices and a call out of order; what comes from outside (a Config, a file, lengths, a
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
// # Variants
//
// Each of these fields of Config changes the step by itself, and they go together;
// variant.go has the equations of both passes with everything in them.
//
//	Projection           h = W_hr (o*tanh(c)), which is narrower than c
//	Peephole             + p_i*c and + p_f*c inside i and f, of c of the step before;
//	                     + p_o*c inside o, of the new one
//	Coupled              f = 1 - i
//	GateActivation       in place of the sigmoid of i, f and o
//	CandidateActivation  in place of the tanh of c~
//	OutputActivation     in place of the tanh of c
//	Clip                 limits what goes into the activations of i, f, o and c~
//	CellClip             limits the new c
//	LayerNorm            W x and W h are normalised, each over all gates:
//	                     gain_ih*norm(W x) + gain_hh*norm(W h) + b; and
//	                     h = o*tanh(gain_c*norm(c) + bias_c)
//	Zoneout, ZoneoutCell parts of h, or of c, stay as they were
//
// They have these parameters, of each layer and direction, after its biases and in
// this order:
//
//	weight_hr_l0          [Projection][Hidden]  and weight_hh_l0 is [4*Hidden][Projection]
//	weight_peephole_l0    [3*Hidden]            of i, then f, o
//	gain_ih_l0            [4*Hidden]
//	gain_hh_l0            [4*Hidden]
//	gain_c_l0             [Hidden]
//	bias_c_l0             [Hidden]              not with NoBias
//
// With Coupled there are no rows of f: 3*Hidden of i, g, o stand for 4*Hidden, and
// weight_peephole is [2*Hidden], of i and o.
//
// # Masks
//
// Dropout, InputDropout, HiddenDropout and WeightDropout drop elements in training,
// Zoneout and ZoneoutCell keep those of the step before, at random; Config says what
// each is about. What Unroll makes begins in training, what Infer makes in
// evaluation, and Unrolled.SetTraining switches; a Predictor evaluates. In
// evaluation nothing is dropped, and zoneout takes the mean.
//
// Masks follow from a seed and from counters alone (Unrolled.SetSeed), not from the
// batch around a row or the machine. Unrolled.MaskState and Unrolled.Clock are what
// a run has to keep, besides its state, to go on as if it had not stopped.
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
