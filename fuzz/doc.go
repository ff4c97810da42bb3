// Package fuzz holds the fuzz targets of the module and their corpora. Each
// target of kernels and layers runs one input on every tier that the machine has and
// compares all of them, bit for bit, with the scalar reference. Those of package data
// read any bytes as a file and as a position: what is taken is written again with the same
// bytes, and what is not is a typed error.
//
// The package has tests only. `go test ./fuzz` replays the corpora, which
// includes every input that ever failed;
//
//	go test ./fuzz -run '^$' -fuzz FuzzGemm -fuzztime 60s
//
// looks for more.
package fuzz
