// Package decode makes symbols of the logits of a model: the most likely one (greedy),
// one drawn at random with temperature, top-k and top-p, and whole texts by beam search.
//
//	p, _ := net.Predictor(1)
//	ids := make([]int32, 200)
//	n, err := decode.Sample(p, ids, prompt, decode.Sampling{Temperature: 0.8, TopP: 0.95}, r)
//
//	p, _ = net.Predictor(5)
//	best, err := decode.Search(p, prompt, decode.Beam{Width: 5, Most: 50, Stop: []int32{end}, Penalty: decode.GNMT(0.6)})
//
// Sample and Search are for one text. A Sampler writes as many texts at a time as its
// predictor has rows, step by step if wanted, and goes on where it stopped. A Searcher
// searches for several texts at a time. Score says how likely a given text is.
//
// The model is a Stepper: a *nn.ModelPredictor that begins with an Embedding, or any
// type with its two methods. Beam search needs a Reorderer, which has one method more.
// Nothing here sets or resets the state of a model before it begins: a decoder of a
// sequence-to-sequence model starts from the state that its caller gave it.
//
// # Numbers
//
// For given logits and seeds the symbols and the scores are the same on every instruction
// set, architecture and number of workers (rule 13 of the numerics contract). Logits that
// are equal are ordered by their ids. A logit of -Inf is a symbol that cannot come.
// A logit that is NaN or +Inf is an error, and so are logits that are all -Inf.
package decode
