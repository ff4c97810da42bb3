package nettest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

// The results of a row do not depend on the other rows: another order of the rows, or
// fewer of them, changes no bit. Values past a row's end change none either.
func rowsAreIndependent(t *testing.T, k Kind) {
	cfg := Config{Input: 5, Hidden: 6, Layers: 2, Bidirectional: true}
	const T, B, I, tensors = 9, 13, 5, 4
	p := newProblem(t, k, 23, cfg, T, B, true)
	O := p.out()
	p.lengths[3], p.lengths[4] = 0, T
	want := p.run(t, p.net.Unroll(T, B))
	r := rand.New(rand.NewPCG(9, 9))
	for _, rows := range [][]int{{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, {3}, {4}, {7, 0, 3}, {6, 6, 2, 3, 4, 4}} {
		n := len(rows)
		q := &problem{kind: k, cfg: p.cfg, net: p.net, T: T, B: n, x: make([]float32, T*n*I), dy: make([]float32, T*n*O), lengths: make([]int, n), seed: p.seed}
		for _, row := range rows {
			q.ids = append(q.ids, uint32(row))
		}
		y, dx := make([]float32, T*n*O), make([]float32, T*n*I)
		pick := func(dst, src []float32, blocks, width int) {
			for k := range blocks {
				for i, row := range rows {
					copy(dst[(k*n+i)*width:][:width], src[(k*B+row)*width:])
				}
			}
		}
		pick(q.x, p.x, T, I)
		pick(q.dy, p.dy, T, O)
		pick(y, want.y, T, O)
		pick(dx, want.dx, T, I)
		for i, row := range rows {
			q.lengths[i] = p.lengths[row]
			for s := p.lengths[row]; s < T; s++ { // anything may stand in the padding
				for j := range I {
					q.x[(s*n+i)*I+j] = float32(math.NaN())
				}
				for j := range O {
					q.dy[(s*n+i)*O+j] = float32(math.Inf(int(r.Uint64()%2) - 1))
				}
			}
		}
		wantState, wantGrad := [][]float32{}, [][]float32{}
		for k := range p.state {
			for _, v := range []struct {
				src []float32
				dst *[][]float32
			}{{p.state[k], &q.state}, {p.dstate[k], &q.dstate}, {want.state[k], &wantState}, {want.dstate[k], &wantGrad}} {
				m := make([]float32, tensors*n*p.width(k))
				pick(m, v.src, tensors, p.width(k))
				*v.dst = append(*v.dst, m)
			}
		}
		got := q.run(t, p.net.Unroll(T, n))
		numtest.Equal(t, got.y, y, "rows %v: y", rows)
		numtest.Equal(t, got.dx, dx, "rows %v: dx", rows)
		for k := range p.state {
			numtest.Equal(t, got.state[k], wantState[k], "rows %v: state %d", rows, k)
			numtest.Equal(t, got.dstate[k], wantGrad[k], "rows %v: state gradient %d", rows, k)
		}
		for k, g := range got.grads {
			for _, v := range g {
				if v != v {
					t.Fatalf("rows %v: NaN from the padding in the gradient of %s", rows, got.names[k])
				}
			}
		}
	}
}

// zeroLengths checks the case of rule 5 of docs/numerics.md in which all rows have no
// steps.
func zeroLengths(t *testing.T, k Kind) {
	p := newProblem(t, k, 1, Config{Input: 2, Hidden: 3, Bidirectional: true}, 4, 5, false)
	p.lengths = make([]int, 5)
	got := p.run(t, p.net.Unroll(4, 5))
	for k := range p.state {
		numtest.Equal(t, got.state[k], p.state[k], "state %d is handed on", k)
		numtest.Equal(t, got.dstate[k], p.dstate[k], "gradient %d is handed back", k)
	}
	numtest.Equal(t, got.y, make([]float32, len(got.y)), "y")
	numtest.Equal(t, got.dx, make([]float32, len(got.dx)), "dx")
	for k, g := range got.grads {
		numtest.Equal(t, g, make([]float32, len(g)), "gradient of %s", got.names[k])
	}
}
