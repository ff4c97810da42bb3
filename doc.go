// Package simdrnn is the root of a module of recurrent networks in pure Go at
// the speed of the FMA units, with the same bits on every machine.
//
// The root package holds no code. What the module offers:
//
//	kernels      matrix products, activations, gate and optimizer kernels,
//	             chosen at run time: scalar, AVX2, AVX-512, NEON
//	kernels/ref  the same kernels as plain Go loops: reference, fallback, oracle
//	lstm         LSTM layers: forward, backward, stacks, carried state, inference
//	gru          the same for gated recurrent units, in all four forms
//	rnn          the same for plain recurrent layers, with ONNX's activations
//	finetune     parameters loaded by name, low-rank adapters
//	convert      weights from and to PyTorch, Keras, ONNX, oneDNN and haste
//	nn           embedding and linear stages, and chains of them with layers
//	loss         what networks are trained by
//	optim        optimizers and schedules of their rates
//	data         texts and sequences in batches
//	decode       greedy, sampling and beam search over predictors
//	bptt         full and truncated back-propagation through time: windows,
//	             clipping, the training loop, evaluation, checkpoints
//
// Beside it stands gonum, a module of its own: gonum's float32 BLAS on kernels.
//
// The numerical promise, rule by rule, is in docs/numerics.md; how a kernel is
// chosen and forced in docs/selection.md; the layout of the tree in
// docs/architecture.md.
package simdrnn
