// Package peer holds the Keras files of package convert against Keras, in both directions,
// and the pages of docs/interchange to what they say, in Go and in Python. It has tests
// only, in a module of its own. Those in Python need a Python with keras, torch, safetensors,
// numpy, onnx and onnxruntime; without it they say so, and the Go pieces of the pages run on the
// files in testdata, which the Python pieces wrote:
//
//	python3 -m venv venv && venv/bin/pip install keras torch safetensors numpy onnx onnxruntime
//	SIMDRNN_PYTHON=$PWD/venv/bin/python go -C convert/peer test -v .
//
// KERAS_BACKEND chooses the backend of Keras, torch by default, tensorflow and jax beside it;
// SIMDRNN_PEER_SEED and SIMDRNN_PEER_COUNT draw other models of Keras, and more.
//
// -update writes the files in testdata again.
package peer
