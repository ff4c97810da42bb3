// Package norms is the textbook's single layer in float64, forward and backward,
// with a bound on how far the product's float32 results may lie from it, fast
// enough for a thousand steps of 129 units. It shares no code with the product and
// imports package math alone.
//
// Package oracle follows the error of every single value to every later one, at a
// cost that grows with the square of the number of steps. Here the errors that a
// step inherits are known by two bounds only: one for each element, and one on
// their Euclidean norm as a vector. With W one gate's matrix and e the errors of h,
//
//	|(W e)_j| <= |row j of W| |e|        |W e| <= |W| |e|
//
// where |W| is a bound on the spectral norm (see spectral). The second keeps the
// recursion over time from growing by sqrt(H) at each step, as it would if the
// bounds of elements were added up, and lets it contract where the layer does. The
// element-wise part of a step is computed in an arithmetic that carries exact
// derivatives by these vectors, and adds up everything else as a magnitude (see
// value): half an ulp for every operation, 1.5 ulp for sigmoid and tanh as the
// contract grants, second derivatives. The rounding of a chain is bounded by its
// partial sums (see chainError). On the way back the gradients that are carried
// are such vectors, multiplied by the transposed matrices; what forward errors do
// to the factors is in the values. Nothing is fitted to what the product does.
//
// Sums of weight gradients, of d_p x_p over pairs p of step and row, differ by
//
//	sum_p (e(d_p) |x_p| + (|d_p|+e(d_p)) e(x_p)) + g sum_p |d_p product| |x_p product|
//
// with g = n*unit/(1-n*unit) for n additions in any order; each sum of products is
// bounded by the product of two norms over the pairs.
//
// A row of the batch is computed at a time, so the gradients of smaller batches are
// the sums on the way to that of the largest.
package norms
