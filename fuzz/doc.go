// Package fuzz holds the fuzz targets of the module and their corpora. Each
// target runs one input on every tier that the machine has and compares all of
// them, bit for bit, with the scalar reference.
//
// The package has tests only. `go test ./fuzz` replays the corpora, which
// includes every input that ever failed;
//
//	go test ./fuzz -run '^$' -fuzz FuzzGemm -fuzztime 60s
//
// looks for more.
package fuzz
