// Package ref holds every kernel of package kernels as plain Go: the normative
// text of the element-wise operation orders, the fallback where no vector unit
// is usable, and the oracle that every assembly kernel is compared with, bit for
// bit.
//
// Each function is the textbook loop. All float32 arithmetic states its
// roundings: a product that feeds a sum goes through [FMA] (one rounding) or an
// explicit conversion (two), because the Go compiler fuses a bare a*b+c on some
// platforms and not on others. The package imports nothing but math, and from
// math only operations that IEEE 754 defines exactly.
//
// Functions assume what package kernels checks: slices of one call have the
// same length, and overlap only when they start at the same element.
package ref
