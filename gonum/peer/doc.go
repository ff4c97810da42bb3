// Package peer holds tests only: package gonum beside OpenBLAS, which gonum's netlib
// binds by cgo. It is a module of its own, so that nobody who uses package gonum
// gets that dependency. Without the tag openblas nothing of it is built:
//
//	apt-get install gcc libopenblas-dev
//	CGO_LDFLAGS=-lopenblas go -C gonum/peer test -tags openblas -bench . ./...
//
// The benchmarks set Float32 of package gonum beside gonum's own implementation and
// OpenBLAS, in all levels: bench/results/gonum-blas.md is such a run.
package peer
