// Package seq2seq has networks from sequences to sequences: an encoder reads a source, a
// decoder writes a target, and attends to the outputs of the encoder, or starts from its
// last state, or both.
//
//	encoder, _ := nn.Chain(sourceEmbedding, encoderLayer.Unroll(30, 16))
//	attention, _ := seq2seq.NewAttention(seq2seq.AttentionConfig{Query: 64, Memory: 64, Score: seq2seq.General, Out: 64}, r)
//	attending, _ := attention.Unroll(31, 30, 16)
//	net, _ := seq2seq.New(seq2seq.Config{
//		Encoder: encoder,
//		Decoder: []nn.Stage{targetEmbedding, decoderLayer.Unroll(31, 16), attending, readout},
//		Bridge:  &seq2seq.Bridge{},
//	})
//	source, _ := data.NewPairs(pairs, data.PairsConfig{Rows: 16, Begin: 0, End: 1, Shuffle: rand.NewPCG(1, 2)})
//	report, err := bptt.Train(ctx, net, source, bptt.Plan{Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 2e-3}, Epochs: 10})
//
// A Net is trained by full BPTT: pairs are whole sequences, and Plan.Window is 0.
//
// # Attention comes after the recurrence
//
// The outputs of the decoder's layers are the queries, as in Luong, Pham and Manning
// (2015), and what attention gives goes to the readout. So the decoder runs over a whole
// window of steps at once, at the speed of its layers, and so does attention. What the
// context of a step is does not enter the next step of the recurrence: neither the
// input feeding of Luong et al. nor the context in the cell of Bahdanau, Cho and Bengio
// (2015) is there, since both need one step at a time, in training too. The additive score
// of the latter is.
//
// Any stage may follow attention, a recurrent layer too: such a layer sees the contexts
// of all steps before.
//
// # Numbers
//
// Rule 14 of the numerics contract says in which order attention adds. A row's outputs
// depend on its own source and ids, on nothing else of the batch, and a Predictor gives the
// same bits step by step.
package seq2seq
