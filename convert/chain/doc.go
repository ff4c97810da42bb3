// Package chain writes whole networks to files and reads them: a chain of stages, with what
// each stage is and with its weights.
//
//	err := chain.WriteFile("model.safetensors", nil, model)   // an *nn.Model, or its stages
//
//	c, err := chain.Open("model.safetensors")
//	model, err := c.Infer(steps, rows)                        // or c.Unroll, to train it
//
// A file is a safetensors file. Its tensors have the names of the parameters, "0.weight",
// "1.weight_ih_l0", which are those of PyTorch's nn.Sequential, so that every other reader
// of safetensors takes them. What the stages are stands in the metadata under Key, as JSON
// that Describe writes. A checkpoint of package bptt has names without shapes: LoadCheckpoint
// takes its parameters for a description, that of Checkpoint.Meta or another one. LoadTensors
// does so with any tensors that have names.
//
// The stages that a description has are those of package nn, the layers of lstm, gru and rnn,
// with every field of their Config but Workers, and an nn.LearnedState of such a layer. A
// stage that a program adds, attention and nets of other packages are refused by name.
// Weights that two stages share are in a file once, and are shared again in what is read.
// Decision 0026 says why files are so.
package chain
