// Package loss has the measures that networks are trained by, with their gradients, and
// what is reported of them.
//
// A Loss looks at the outputs of a net for one Batch of package data, and counts what the
// batch says counts: steps that exist, whose target is not to be ignored, times their
// weight. It returns a Total, the sum and the weight that it is divided by for the mean;
// what the gradient is divided by the caller says, a Trainer by its Plan.Reduction.
//
//	CrossEntropy          classes, one for each step: language models, labels of steps
//	BCE                   any number of answers yes or no at each step
//	MSE, MAE, Huber       numbers
//	CTC                   labels of sequences whose steps are not known
//	PerSequence           one of these, with each sequence weighing the same
//
// Perplexity and BitsPerSymbol are a mean of CrossEntropy in other units. Accuracy,
// Confusion, Spans and LabelErrors are Metrics, counted over the batches of an evaluation.
// CheckGradients tests a Loss of one's own.
package loss
