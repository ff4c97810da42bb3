// Package gru is a network of gated recurrent units: layers, training and
// inference.
//
// One step of a layer reads its input x and its own output h of the step before:
//
//	r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)        reset gate
//	z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)        update gate
//	n = tanh(W_in x + b_in + r*(W_hn h + b_hn))       candidate
//	h = (1-z)*n + z*h
//
// This is the unit of Cho et al. (2014, "Learning phrase representations using
// RNN encoder-decoder") in the form that PyTorch, cuDNN and Keras have: the reset
// gate acts after the product with W_hn. Two variants are in use elsewhere:
//
//   - Config.ResetBefore is the form of the paper, and ONNX's default. The reset
//     gate acts on h: n = tanh(W_in x + W_hn (r*h) + b_in + b_hn). It takes a
//     second product a step, which has to wait for the first.
//   - Config.Textbook exchanges z and 1-z, as Chung et al. (2014, "Empirical
//     evaluation of gated recurrent neural networks") and most textbooks write
//     it: h = (1-z)*h + z*n. Negating all weights and biases of z turns the one
//     form into the other.
//
// Weights trained with one setting are wrong for another; a file keeps both.
// reset_after.go and reset_before.go have the equations of both passes as they are
// computed.
//
// # Use
//
//	net, err := gru.New(gru.Config{Input: 96, Hidden: 256, Layers: 2}, rand.New(rand.NewPCG(1, 2)))
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
// Names, shapes and the order of gates are PyTorch's, so weights move in both
// directions as they are:
//
//	weight_ih_l0          [3*Hidden][Input]   rows of r, then z, n
//	weight_hh_l0          [3*Hidden][Hidden]
//	bias_ih_l0            [3*Hidden]
//	bias_hh_l0            [3*Hidden]          that of n inside the reset product
//	weight_ih_l0_reverse  ...                 of a direction that runs backwards
//	weight_ih_l1          [3*Hidden][Out]
//
// # Variants
//
// Besides ResetBefore and Textbook, each of these fields of Config changes the step
// by itself, and they go together; variant.go has the equations of both passes with
// everything in them.
//
//	GateActivation       in place of the sigmoid of r and z
//	CandidateActivation  in place of the tanh of n
//	Clip                 limits what goes into the activations
//	LayerNorm            W_ih x and W_hh h are normalised, each over all gates, and
//	                     multiplied by gain_ih and gain_hh before the biases are
//	                     added; not with ResetBefore
//	Zoneout              parts of h stay as they were
//
// LayerNorm has two parameters for each layer and direction, after its biases:
//
//	gain_ih_l0            [3*Hidden]          r, then z, n
//	gain_hh_l0            [3*Hidden]
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
package gru
