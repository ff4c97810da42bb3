package onnx

// loops are the operators whose bodies are read.
var loops = map[string]bool{}
