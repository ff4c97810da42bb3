// Package kernels holds the numeric kernels of the module: matrix products,
// activations, gate, reduction, mask and optimizer kernels on float32, each a
// contract, its checks and one dispatched call.
//
// # Tiers
//
// Every kernel exists as plain Go (package ref) and in assembly for AVX2,
// AVX-512 and NEON. What is used is chosen at run time: [Current] says what, [Use] and
// the environment variable SIMDRNN_ISA choose, docs/selection.md tells it all.
// Kernels are methods of [ISA]; a package function of the same name works on
// the current tier. Every tier gives the same bits.
//
// # Conventions
//
// Destinations come first, sizes last. Matrices are row-major with a leading
// dimension, the distance between rows in elements. "Sets" means overwritten,
// "adds to" means accumulated. Slices of one element kernel have one length and
// may be the same slice, or not overlap at all; C and the scratch of a product
// overlap none of its other operands. A wrong length panics before anything is
// written and names both numbers. Any alignment and any length, zero included,
// is fine; every activation gives NaN for NaN; no byte outside the slices is read or
// written. No kernel allocates, except a product whose caller gives no scratch, and
// none starts a goroutine.
package kernels
