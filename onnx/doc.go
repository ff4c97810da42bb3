// Package onnx reads and writes ONNX files of networks of this module. A graph of LSTM, GRU
// and RNN operators, with what exporters put around them, becomes stages of a chain:
//
//	net, err := onnx.Open("model.onnx", onnx.Options{})
//	model, err := nn.Infer(steps, batch, net.Stages...)
package onnx
