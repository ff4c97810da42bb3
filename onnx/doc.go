// Package onnx reads and writes ONNX files of networks of this module. A graph of LSTM, GRU
// and RNN operators, with what exporters put around them, becomes stages of a chain:
//
//	net, err := onnx.Open("model.onnx", onnx.Options{})
//	model, err := nn.Infer(steps, batch, net.Stages...)
//
// and a chain becomes a file that ONNX Runtime runs:
//
//	err = onnx.Export(w, onnx.ExportOptions{}, model)
//
// # What is read
//
// Operator sets 7 to 22, of the domain of ONNX itself. Weights may be float32, float64,
// float16 and bfloat16; they become float32, float64 rounded.
//
//	LSTM, GRU, RNN            every attribute and input: direction, activations with alpha
//	                          and beta, clip, layout, linear_before_reset, input_forget, P,
//	                          sequence_lens, initial states that are zero, constant, inputs,
//	                          or the final states of other layers
//	Loop, Scan                whose body is a step of such a layer, in other operators
//	If                        whose condition is known when the graph is read
//	Gather                    a table and ids: an embedding; entries of axes. Ids may be
//	                          floats that are cast
//	MatMul, Gemm              by a constant matrix or vector
//	Add, Sub, Mul, Div        by a constant for each element; two directions of a layer
//	Add, Sub, Mul             of two branches over the same steps, such as gates, highways
//	                          and skips, which may have nodes in common; of all steps and one,
//	                          such as the last, and MatMul, Einsum or ReduceSum of these: scores
//	                          of an attention whose query is what a layer ends with
//	Mul, Pow                  x*x, x^2 and x^3
//	LayerNormalization        also written out as its arithmetic, that of Keras too
//	BatchNormalization        of inference
//	Gelu                      also written out as its arithmetic, in both forms
//	Abs, Greater and Where    of a softsign that is written as x / (1 + |x|), of a softplus
//	                          with a threshold
//	Tanh, Relu, Sigmoid, Softsign, Softplus, LeakyRelu, Elu, HardSigmoid, Clip from 0 on;
//	                          a hard sigmoid of a gate also as Clip, or as Min and Max
//	Softmax, LogSoftmax       over vectors
//	Softmax                   of one score for each step, over time, with the sum of the steps
//	                          weighted by it, as Mul and ReduceSum, MatMul or Einsum: an
//	                          nn.AttentionPool; Where with a mask of lengths before it
//	ReduceMean, ReduceMax     over time: pools; Where with a mask of lengths before a maximum
//	ReduceSum, Div            of steps times such a mask, by the lengths: the mean of each row
//	ReduceSum, Mean, Prod     over the directions of a layer
//	Concat, Split, Slice      of vectors, of final states, and of the first or the last step; a
//	                          Slice of some steps one after another: Network.Window
//	GatherElements, GatherND  of the output at lengths - 1, an input, and Gather where the first
//	                          two axes are one; Range, Less and others of lengths
//	Transpose, Squeeze, Unsqueeze, Reshape, Flatten, Identity, Dropout, Cast
//	ReverseSequence           of all steps
//	Constant, ConstantOfShape, Expand, Tile, Shape, Size and the arithmetic of shapes;
//	                          Expand and Tile also of one step, to all steps of the sequence
//
// The first input that a layer, a product or a table reads is the data. Others can be
// initial states and sequence_lens. Where the directions of a layer have different
// activations they become two layers in an nn.Parallel. Operators that have everything in
// common become one layer with Config.Layers.
//
// A layer may be written without its operator: as a loop, or as its steps one after another, as
// tf2onnx, PyTorch's new exporter and Keras with PyTorch as its backend do. Its cell is
// recognised by what it computes, and becomes the same layer. All steps must have the same
// weights and read a whole sequence in order. Run takes the number of steps that such a graph
// has; Stages take any.
//
// Where layers begin with the final states of others, as in an encoder and a decoder, the network
// has an Encoder, and inputs that only that reads. States have to come as they are: a product
// between them is refused. A sequence that is turned around before a layer and after it is the
// other direction of the layer.
//
// What an encoder ends with may be the input of a decoder at all steps, as in an autoencoder:
// a Pick with Last. States may be parts of one input, and of one output.
//
// A mask of ids is read where the graph makes nothing of it but the lengths of rows, as keras2onnx
// does of mask_zero: Network.MaskZero.
//
// Everything else is refused with a *NodeError: other loops, branches that are chosen when the graph runs, attention over a memory or of each step to all,
// masks that choose among steps or rows otherwise than by lengths, a sequence that is turned around as a whole while its rows have lengths, c as an output of a chain, and whatever mixes rows of the batch.
// A negative id, which Keras counts from the end of its table, is an error when the network
// runs, and so is a float between -1 and 0.
//
// Constants that nodes make of others, and weights that stages copy, have a limit that follows
// from the size of the file. What nodes make of the same constants with the same attributes is
// made once.
//
// # What is written
//
// See Export. Read again it has the same weights and the same outputs, bit for bit; dropout,
// which the file does not have, is gone.
//
// # Numbers
//
// Results are those of the layers of this module, with the same bits on every machine, and
// agree with ONNX Runtime to 1e-5: see docs/proofs.md. For a row of no steps ONNX Runtime
// gives a final state of zero; here it is the initial state. What a graph computes from the last
// step of such a row is an error of Run. Past the end of a row Run gives 0, ONNX what the stages
// behind the recurrent layers make of 0.
package onnx
