package kernels_test

import (
	"fmt"

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
