package kernel_test

import (
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/asm/avox"
	"github.com/simdrnn/simdrnn/asm/kernel"
	"github.com/simdrnn/simdrnn/asm/vec"
)

// A tile takes any epilogue, and the gate sequence finds room beside the
// accumulators of the rows that wait their turn: four vectors a row are the
// gates of one vector of units.
func TestTileTakesTheGateSequence(t *testing.T) {
	for _, c := range []struct {
		name   string
		target avox.Target
		rows   int
	}{{"avx2", avox.AVX2, 2}, {"avx512", avox.AVX512, 6}} {
		f := avox.NewFile(c.target)
		tile := kernel.Tile{Rows: c.rows, Vecs: 4, Panels: 1, Epilogue: func(m vec.Machine, acc [][]vec.Vec) {
			out := vec.Mem{Base: m.Word("t", 8)}
			for r, a := range acc {
				// The vectors of a row are i, f, g, o; cPrev and h have a vector a row.
				cPrev := m.Load(vec.Mem{Base: m.Word("t", 6), Disp: 4 * m.Lanes() * r})
				i, f, g, o := vec.Sigmoid(m, a[0]), vec.Sigmoid(m, a[1]), vec.Tanh(m, a[2]), vec.Sigmoid(m, a[3])
				cell := kernel.LSTMCell(m, i, f, g, cPrev)
				h := kernel.LSTMOutput(m, cell, func() vec.Vec { return o })
				m.Store(cell, out.Plus(8*m.Lanes()*r))
				m.Store(h, out.Plus(8*m.Lanes()*r+4*m.Lanes()))
			}
		}}
		f.Function("Fused", "func(t *byte)", tile.Emit)
		text, err := f.Bytes("a test")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		// Three sigmoids and two tanh a row, one division each.
		if got, want := strings.Count(string(text), "VDIVPS"), 5*c.rows; got != want {
			t.Errorf("%s: %d divisions, want %d", c.name, got, want)
		}
	}
}
