//go:build !openblas

package peer

import "testing"

func TestOpenBLAS(t *testing.T) {
	t.Skip("NOT EXERCISED: OpenBLAS beside package gonum; it needs cgo and libopenblas-dev: CGO_LDFLAGS=-lopenblas go -C gonum/peer test -tags openblas ./...")
}
