package kernels_test

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/kernels"
)

func Example() {
	// y = tanh(x W^T + b) for two rows of three inputs and two units.
	x := []float32{1, 2, 3, -1, 0, 1}
	w := []float32{0.5, 0, 0, 0, 0.25, -0.25} // [unit][input]
	y := make([]float32, 4)

	p := kernels.NewPacked(3, 2) // once per set of weights
	p.Pack(true, w, 3)

	p.GemmBias(2, x, 3, []float32{0, 0.25}, y, 2)
	fmt.Println(y)
	kernels.Tanh(y, y)
	fmt.Println(y)
	// Output:
	// [0.5 0 -0.5 0]
	// [0.46211717 0 -0.46211717 0]
}

func ExampleGemm() {
	a := []float32{1, 2, 3, 4, 5, 6} // 2 x 3
	b := []float32{1, 0, 0, 1, 1, 1} // 3 x 2
	c := make([]float32, 4)
	kernels.Gemm(kernels.Set, false, false, 2, 2, 3, a, 3, b, 2, c, 2, nil)
	fmt.Println(c)
	// Output: [4 5 10 11]
}

func ExampleISA() {
	x := []float32{0, 1, 2}
	y := make([]float32, 3)
	for _, t := range kernels.Available() {
		t.Exp(y, x) // the same bits on each
	}
	fmt.Println(y, kernels.Available()[0])
	// Output: [1 2.7182817 7.389056] scalar
}

func ExampleInto() {
	one := []float32{1}
	c := []float32{10}
	for _, into := range []kernels.Into{kernels.AddTo, kernels.Continue, kernels.Set} {
		kernels.Gemm(into, false, false, 1, 1, 1, one, 1, one, 1, c, 1, nil)
		fmt.Println(c[0])
	}
	// Output:
	// 11
	// 12
	// 1
}

func ExamplePacked() {
	w := []float32{1, 2, 3, 4, 5, 6} // [3][2]
	p := kernels.NewPacked(3, 2)
	p.Pack(false, w, 2)
	y := make([]float32, 2)
	p.Gemm(kernels.Set, 1, []float32{1, 10, 100}, 3, y, 2) // one row, as at inference
	fmt.Println(y, p.Rows(), p.Cols(), p.ISA() == kernels.Current())
	// Output: [531 642] 3 2 true
}

// A step that is made again and again reads and writes the same memory each time.
func ExampleBound() {
	w := []float32{1, 2, 3, 4, 5, 6} // [3][2]
	p := kernels.NewPacked(3, 2)
	p.Pack(false, w, 2)
	x, y := make([]float32, 3), make([]float32, 2)
	product := p.Bind(kernels.Set, 1, x, 3, nil, y, 2)
	for step := range 2 {
		copy(x, []float32{1, 10, float32(100 * step)})
		product.Gemm(0)
		fmt.Println(y)
	}
	// Output:
	// [31 42]
	// [531 642]
}

// Weights that one product is made by before they change stay as they are.
func ExampleStored() {
	w := []float32{1, 2, 3 /**/, 4, 5, 6} // [2][3]
	s := kernels.NewStored(true, 3, 1, 2, w, 3)
	strip, y := make([]float32, kernels.StripRoom(3)), make([]float32, 2)
	s.GemmPart(0, 1, strip, kernels.Set, 1, []float32{1, 10, 100}, 3, nil, y, 2)
	w[0] = 2
	s.GemmPart(0, 1, strip, kernels.Continue, 1, []float32{1, 10, 100}, 3, nil, y, 2)
	fmt.Println(y)
	// Output: [643 1308]
}

func ExampleReport() {
	r := kernels.Info()
	fmt.Println(r.ISA == kernels.Current(), r.FloatMode, r.Err)
	// Output: true default <nil>
}

func ExampleUse() {
	before := kernels.Current()
	if err := kernels.Use(kernels.Scalar); err != nil { // what is created from here on is scalar
		fmt.Println(err)
	}
	fmt.Println(kernels.Current())
	fmt.Println(kernels.Use(before))
	// Output:
	// scalar
	// <nil>
}

// The gradient of a 2 x 3 matrix: the sum over three (t, b) pairs, in two chunks, of the
// gradients of two pre-activations times three inputs.
func ExampleRows() {
	pairs := []int32{2, 1, 0} // backwards in time
	da := []float32{1, 0 /**/, 0, 1 /**/, 1, 1}
	x := []float32{1, 2, 3 /**/, 4, 5, 6 /**/, 7, 8, 9}

	factor := kernels.NewRows(3, len(pairs), 2)
	factor.Chunk(2)
	factor.Pack(0, x, 3, pairs[:2], 0, 1)
	factor.Chunk(1)
	factor.Pack(1, x, 3, pairs[2:], 0, 1)

	dw := make([]float32, 2*3)
	kernels.GemmRows(kernels.AddTo, 2, da, 2, pairs, nil, kernels.RowsProduct{B: factor, C: dw, LDC: 3})
	fmt.Println(factor.Chunks(), factor.Cols(), dw)
	// Output: 2 3 [8 10 12 11 13 15]
}

// The step of a plain layer of 2 units for 2 rows of a batch, whose pre-activations lie
// in rows of 3.
func ExampleMat() {
	a := []float32{0, 1, 9 /**/, -1, 0, 9}
	h := make([]float32, 4)
	kernels.RNNReLU(2, 2, kernels.Mat{Data: h, Stride: 2}, kernels.Mat{Data: a, Stride: 3})
	fmt.Println(h)
	// Output: [0 1 0 0]
}

// Two workers share the columns of two groups: each has its part of both.
func ExamplePacked_GemmPart() {
	const cols = 1000
	weights := make([]float32, 2*cols*3) // [2*cols][3], as a layer keeps them
	for i := range weights {
		weights[i] = float32(i % 7)
	}
	p := kernels.NewPackedGroups(3, 2, cols)
	p.PackFlush(true, weights, 3)

	x := []float32{1, 10, 100}
	y, z := make([]float32, 2*cols), make([]float32, 2*cols)
	for w := range 2 {
		p.GemmPart(w, 2, kernels.Set, 1, x, 3, y, 2*cols)
	}
	p.Gemm(kernels.Set, 1, x, 3, z, 2*cols)
	fmt.Println(slices.Equal(y, z), y[0], y[cols])
	// Output:
	// true 210 654
}
