// Package peer holds package npy against NumPy, in both directions. It has tests only,
// in a module of its own, beside that of safetensors. They need a Python with the
// packages numpy and torch; without it they say so:
//
//	python3 -m venv venv && venv/bin/pip install torch numpy
//	SIMDRNN_PYTHON=$PWD/venv/bin/python go -C convert/npy/peer test -v .
package peer
