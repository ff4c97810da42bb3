package self

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
	"github.com/simdrnn/simdrnn/kernels"
)

// product are the operands of a matrix product C [m][n] = A B over k.
type product struct {
	m, n, k int
	a, b, c []float32
}

func newProduct(s *driver.Settings) (product, error) {
	p := product{m: s.Int("M"), n: s.Int("N"), k: s.Int("K")}
	if err := s.Err(); err != nil {
		return p, err
	}
	p.a, p.b, p.c = driver.Numbers(p.m*p.k, 1, 1), driver.Numbers(p.k*p.n, 1, 2), make([]float32, p.m*p.n)
	return p, nil
}

// gemmCall returns one call of a product by our kernels, which run on the goroutine
// that calls them: products on several cores are what layers do.
func gemmCall(op string, s *driver.Settings) (func(), error) {
	if n := s.Int("threads"); n > 1 {
		return nil, driver.Unsupported("a kernel runs on one core")
	}
	p, err := newProduct(s)
	if err != nil {
		return nil, err
	}
	isa := kernels.Current()
	switch op {
	case "gemm":
		work := make([]float32, isa.GemmWork(false, false, p.m, p.n, p.k))
		return func() {
			isa.Gemm(kernels.Set, false, false, p.m, p.n, p.k, p.a, p.k, p.b, p.n, p.c, p.n, work)
		}, nil
	case "gemm-packed":
		packed := isa.NewPacked(p.k, p.n)
		packed.Pack(false, p.b, p.n)
		return func() { packed.Gemm(kernels.Set, p.m, p.a, p.k, p.c, p.n) }, nil
	case "gemm-tn":
		work := make([]float32, isa.GemmWork(true, false, p.m, p.n, p.k))
		return func() {
			isa.Gemm(kernels.AddTo, true, false, p.m, p.n, p.k, p.a, p.m, p.b, p.n, p.c, p.n, work)
		}, nil
	}
	return nil, driver.Unsupported("no operation %s", op)
}

// gonumCall returns one call of a product by gonum's own BLAS in Go and assembly,
// which is what blas32 has unless a program registers another.
func gonumCall(s *driver.Settings) (func(), error) {
	op := s.String("op")
	trans, beta := blas.NoTrans, float32(0)
	switch op {
	case "gemm", "gemm-packed":
	case "gemm-tn":
		trans, beta = blas.Trans, 1
	default:
		return nil, driver.Unsupported("gonum has matrix products only")
	}
	p, err := newProduct(s)
	if err != nil {
		return nil, err
	}
	a := blas32.General{Rows: p.m, Cols: p.k, Stride: p.k, Data: p.a}
	if trans == blas.Trans {
		a = blas32.General{Rows: p.k, Cols: p.m, Stride: p.m, Data: p.a}
	}
	b := blas32.General{Rows: p.k, Cols: p.n, Stride: p.n, Data: p.b}
	c := blas32.General{Rows: p.m, Cols: p.n, Stride: p.n, Data: p.c}
	return func() { blas32.Gemm(trans, blas.NoTrans, 1, a, b, beta, c) }, nil
}
