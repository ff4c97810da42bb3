// Package rnn is a plain recurrent network: layers, training and inference.
//
// One step of a layer reads its input x and its own output h of the step before:
//
//	h = f(W_ih x + b_ih + W_hh h + b_hh)
//
// This is the network of Elman (1990, "Finding structure in time"). f is tanh, or
// Config.Activation: ReLU, sigmoid, or any other function of ONNX's list. cell.go
// has the equations of both passes as they are computed.
//
// # Use
//
//	net, err := rnn.New(rnn.Config{Input: 96, Hidden: 256, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
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
// unless Config.Merge says otherwise. (Unrolled.SetBatchFirst is for tensors that
// are [B][T][Input].)
// The state is one tensor, h.
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
// Names and shapes are PyTorch's, so weights move in both directions as they are:
//
//	weight_ih_l0          [Hidden][Input]
//	weight_hh_l0          [Hidden][Hidden]
//	bias_ih_l0            [Hidden]
//	bias_hh_l0            [Hidden]
//	weight_ih_l0_reverse  ...              of a direction that runs backwards
//	weight_ih_l1          [Hidden][Out]
//
// # Variants
//
// Each of these fields of Config changes the step by itself, and they go together;
// variant.go has the equations of both passes with everything in them.
//
//	Clip       limits what goes into f
//	LayerNorm  h = f(gain_ih*norm(W_ih x) + gain_hh*norm(W_hh h) + b_ih + b_hh)
//	Zoneout    parts of h stay as they were
//
// LayerNorm has two parameters for each layer and direction, after its biases:
//
//	gain_ih_l0            [Hidden]
//	gain_hh_l0            [Hidden]
//
// # Masks
//
// Dropout, InputDropout, HiddenDropout and WeightDropout drop elements in training,
// Zoneout keeps those of the step before, at random; Config says what each is about.
// What Unroll makes begins in training, what Infer makes in evaluation, and
// Unrolled.SetTraining switches; a Predictor evaluates. In evaluation nothing is
// dropped, and zoneout takes the mean.
//
// Masks follow from a seed and from counters alone (Unrolled.SetSeed), not from the
// batch around a row or the machine. Unrolled.MaskState and Unrolled.Clock are what
// a run has to keep, besides its state, to go on as if it had not stopped.
//
// # Bits
//
// For given weights and inputs every result has the same bits on every
// instruction set, architecture and number of workers; docs/numerics.md has the
// rules. What package lstm says of rows, cuts and ways to run holds here.
package rnn
