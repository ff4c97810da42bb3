// Package pb has the messages of ONNX files, generated from the official schema.
//
// The schema, onnx.proto, is that of the ONNX project (github.com/onnx/onnx), unchanged, as
// the wheel onnx 1.23.2 of the Python Package Index has it. It and the code made of it are
// under the Apache License 2.0: see LICENSE-ONNX.
package pb

//go:generate go -C gen run . -dir ..
