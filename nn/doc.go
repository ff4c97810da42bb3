// Package nn has what networks are made of: the interface Net, which an Unrolled of
// package lstm, gru or rnn satisfies as it is, and the stages that stand before, between
// and after such nets. Chain puts stages together into a Model, which is a Net again.
//
//	emb, _ := nn.NewEmbedding(256, 64, r)
//	rnn, _ := lstm.New(lstm.Config{Input: 64, Hidden: 256}, r)
//	out, _ := nn.NewLinear(256, 256, r)
//	net, _ := nn.Chain(emb, rnn.Unroll(64, 32), nn.Dropout{P: 0.3}, out)
//
// The stages are
//
//	Embedding                       rows of a table, of ids
//	Linear, LayerNorm               with parameters
//	Dropout, Activation             element by element
//	PoolMean, PoolMax               over the steps of a row so far
//	AttentionPool                   likewise, weighted by scores of stages
//	Sequential, Residual, Parallel  made of other stages
//	any Net                         layers over time, other Models
//
// and what a program adds: see Unsized. CheckGradients tests it.
//
// It imports no cell. Package bptt trains a Net, package loss says by which measure, and
// package optim how its parameters move.
//
// # Shared weights
//
// The same memory in several places is one parameter: it is moved once, by the sum
// of its gradients. Chain says how weights are shared; Embedding.Readout is the
// usual case.
//
// # Numbers
//
// Tensors are float32, time-major [T][B][width]. Every sum has one fixed order
// (rules 4, 7, 8 and 10 of the numerics contract), so results are the same bits on every
// instruction set, architecture and number of workers.
package nn
