// Package optim has the methods that move parameters against their gradients, and the
// schedules of their learning rates.
//
// SGD (with momentum, dampening, Nesterov), Adam and AdamW (with AMSGrad), RMSProp
// (centred, with momentum), Adagrad and ASGD are optimizers, with the formulas of PyTorch.
// WeightDecay is added to gradients, or multiplies weights where Decoupled says so, as
// AdamW always does. Groups gives groups of parameters optimizers of their own, or
// freezes them:
//
//	&optim.Groups{List: []optim.Group{
//		{Params: []string{"0.*"}, Frozen: true},
//		{Params: []string{"*.bias_*"}, Optimizer: &optim.AdamW{LR: 1e-3}},
//		{Optimizer: &optim.AdamW{LR: 1e-3, WeightDecay: 0.1}}, // the rest
//	}}
//
// A schedule multiplies the rates of an optimizer. Constant, StepDecay, Exponential,
// WarmupCosine and OneCycle go by updates, EpochDecay by epochs and Plateau by validation
// losses.
//
// # Settings
//
// A setting that is NaN, infinite or out of the range of float32 is an error that
// names it. Init returns it for a field, and Update for a value of a Schedule; the weights
// are then those of the last complete update.
//
// Every element is updated by itself, by one written sequence of operations, so results
// are the same bits on every instruction set, architecture and number of workers.
package optim
