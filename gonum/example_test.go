package gonum_test

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	native "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/simdrnn/simdrnn/gonum"
)

// One call at the start of a program, and everything that uses blas32 runs on the
// kernels.
func Example() {
	blas32.Use(gonum.Float32{})
	defer blas32.Use(native.Implementation{}) // for the other examples

	a := blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: []float32{1, 2, 3, 4, 5, 6}}
	b := blas32.General{Rows: 3, Cols: 2, Stride: 2, Data: []float32{1, 0, 0, 1, 1, 1}}
	c := blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 4)}
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, a, b, 0, c)
	fmt.Println(c.Data)

	x := blas32.Vector{N: 2, Inc: 1, Data: []float32{3, 4}}
	fmt.Println(blas32.Nrm2(x))
	// Output:
	// [4 5 10 11]
	// 5
}

// The implementation can be called directly, beside another one in use.
func ExampleFloat32() {
	var impl blas.Float32 = gonum.Float32{}
	x := []float32{1, 2, 3, 4}
	c := make([]float32, 4)
	// C = 2 X Xᵀ, the lower triangle.
	impl.Ssyrk(blas.Lower, blas.NoTrans, 2, 2, 2, x, 2, 0, c, 2)
	fmt.Println(c)
	// Output: [10 0 22 50]
}

// With SameBits the results are the same on every machine, here bit for bit those that were
// written down on another one. Float32 has other bits on a machine without vector instructions,
// and for vectors as short as these on each architecture.
func ExampleSameBits() {
	blas32.Use(gonum.SameBits{})
	defer blas32.Use(native.Implementation{})

	x := blas32.Vector{N: 5, Inc: 1, Data: []float32{0.1, 0.2, 0.3, 0.4, 0.5}}
	y := blas32.Vector{N: 5, Inc: -1, Data: []float32{1.1, 1.2, 1.3, 1.4, 1.5}}
	fmt.Printf("%08x\n", math.Float32bits(blas32.Dot(x, y)))
	// Output: 3feccccd
}

// A mat.Dense is float64 and multiplies by blas64, so what is in use for blas32 does
// not change it. Its elements go over one by one, each with a rounding to float32, and
// come back exactly.
func ExampleFloat32_dense() {
	general := func(m mat.Matrix) blas32.General {
		r, c := m.Dims()
		g := blas32.General{Rows: r, Cols: c, Stride: max(1, c), Data: make([]float32, r*c)}
		for i := range r {
			for j := range c {
				g.Data[i*g.Stride+j] = float32(m.At(i, j))
			}
		}
		return g
	}
	dense := func(g blas32.General) *mat.Dense {
		m := mat.NewDense(g.Rows, g.Cols, nil)
		for i := range g.Rows {
			for j := range g.Cols {
				m.Set(i, j, float64(g.Data[i*g.Stride+j]))
			}
		}
		return m
	}

	blas32.Use(gonum.Float32{})
	defer blas32.Use(native.Implementation{})

	a := mat.NewDense(2, 2, []float64{0.5, 1, 1.5, 2})
	b := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
	c := blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 4)}
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(a), general(b), 0, c)
	fmt.Println(mat.Formatted(dense(c)))

	var byMat mat.Dense
	byMat.Mul(a, b) // by blas64
	fmt.Println(mat.Equal(dense(c), &byMat))
	// Output:
	// ⎡3.5    5⎤
	// ⎣7.5   11⎦
	// true
}
