// Package peer holds package safetensors against other implementations, in both
// directions. It has tests only, in a module of its own, so that nobody who uses the
// library depends on them.
//
// The tests beside the reference implementation, which is for Python, need one with
// the packages safetensors and torch; without it they say so:
//
//	python3 -m venv venv && venv/bin/pip install torch safetensors
//	SIMDRNN_PYTHON=$PWD/venv/bin/python go -C convert/safetensors/peer test -v .
package peer
