// Package avx512 holds the kernels for amd64 with AVX2, FMA and AVX-512 F, BW,
// DQ and VL: sixteen lanes, 32 registers. Everything but this file is generated
// from the catalog in asm.
//
// Element kernels take slices of one length, 0 included, that overlap only where
// they start at the same element; package kernels checks that. No byte outside
// the slices is read or written.
//
// Tile1x1 to Tile12x2, and tiles of few rows from several panels, are the register tiles of R rows and V vectors of L = 16
// columns. For r < R, v < V, lane l < L:
//
//	acc = start[r*lds + v*L + l]
//	for q := range k { acc = fma(a[r*rsa + q*csa], b[q*ldb + v*L + l], acc) }
//	if flags&1 != 0 { acc = c[r*ldc + v*L + l] + acc }
//	if flags&2 != 0 && |acc| < 2^-100 { acc = +0 }
//	c[r*ldc + v*L + l] = acc
//
// Of the last vector of start and c only the first tail lanes (1 to L) are read
// and written; vectors of b are read whole. What stands from next on, and C or what is
// beside it, is asked for into a cache, whatever address that is: package tile has all
// operands.
package avx512
