// Package loss has the measures that networks are trained by, with their gradients, and
// what is reported of them: Perplexity, BitsPerSymbol.
//
// A Loss looks at the outputs of a net for one Batch of package data, and counts what the
// batch says counts: steps that exist, whose target is not to be ignored.
package loss
