package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// sliced takes steps of the LSTM, from one on and before another.
func (g graphOf) sliced(from, to int64) {
	g.whole("from", from)
	g.whole("to", to)
	g.whole("axis", 0)
	g.after("Slice", []string{"from", "to", "axis"})
	g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "some", "1", "batch", "3")
}

// A slice of time is the steps that Python gives, of any sequence that has them, and an error for
// a shorter one, of which ONNX gives fewer.
func TestWindows(t *testing.T) {
	const end = 1<<63 - 1
	x := []float32{1, -1, 0.5, 2, 3, -2, 0.25, 1, -3, 2}
	input := func(steps int) map[string]Tensor {
		return map[string]Tensor{"x": {Shape: []int{steps, 1, 2}, Floats: x[:2*steps]}}
	}
	all := must(must(simple().load()).Run(input(5)))["y"].Floats
	for _, c := range []struct {
		from, to int64
		want     Window
		first    int // of 5 steps
		count    int
		least    int // steps
	}{
		{-3, end, Window{-3, 0}, 2, 3, 3}, {0, 2, Window{0, 2}, 0, 2, 2}, {1, -1, Window{1, -1}, 1, 3, 2}, {1, end, Window{1, 0}, 1, 4, 1}, {0, -2, Window{0, -2}, 0, 3, 2},
		{-4, -2, Window{-4, -2}, 1, 2, 4}, {1, 4, Window{1, 4}, 1, 3, 4},
	} {
		for _, fixed := range []bool{false, true} {
			g := simple()
			if fixed {
				g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "5", "batch", "2")
			}
			g.sliced(c.from, c.to)
			n, err := g.load()
			if err != nil {
				t.Errorf("%d to %d: %v", c.from, c.to, err)
				continue
			}
			if first, to, ok := n.Window.of(5); !ok || first != c.first || to != c.first+c.count || !fixed && n.Window != c.want || n.LastStep {
				t.Errorf("%d to %d, fixed: %v: the window %v, LastStep %v; want %v", c.from, c.to, fixed, n.Window, n.LastStep, c.want)
			}
			got, err := n.Run(input(5))
			if err != nil {
				t.Errorf("%d to %d: %v", c.from, c.to, err)
				continue
			}
			if y := got["y"]; !slices.Equal(y.Shape, []int{c.count, 1, 1, 3}) || !slices.Equal(y.Floats, all[3*c.first:][:3*c.count]) {
				t.Errorf("%d to %d: %v", c.from, c.to, y)
			}
			if fixed {
				continue
			}
			if _, err := n.Run(input(c.least)); err != nil {
				t.Errorf("%d to %d of %d steps: %v", c.from, c.to, c.least, err)
			}
			if _, err := n.Run(input(c.least - 1)); c.least > 1 && (err == nil || !strings.Contains(err.Error(), "give sequences of more steps")) {
				t.Errorf("%d to %d of %d steps: %v", c.from, c.to, c.least-1, err)
			}
		}
	}
	for _, c := range [][2]int64{{-2, 3}, {2, 2}, {3, 1}, {-1, -3}, {0, 0}, {1, 0}} {
		g := simple()
		g.sliced(c[0], c[1])
		if _, err := g.load(); err == nil || !strings.Contains(err.Error(), "of time some from the first or from the last on can be had") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// An attention over all steps goes past the end of rows that have lengths, if no mask leaves these
// out.
func TestAttentionOfRowsWithLengths(t *testing.T) {
	for name, lengths := range map[string]bool{"the same": true, "none": false} {
		g := simple()
		if lengths {
			g.lengths(0)
		}
		g.m.Graph.Node[0].Output[0] = "t"
		g.whole("one", 1)
		g.whole("nought", 0)
		g.numbers("M", []float32{1, 2, 3}, 3, 1)
		w := g.node("Softmax", "w", "z")
		w.Attribute = append(w.Attribute, integer("axis", 0))
		sum := g.node("ReduceSum", "y", "p", "nought")
		sum.Attribute = append(sum.Attribute, integer("keepdims", 0))
		g.m.Graph.Node = append(g.m.Graph.Node, g.node("Squeeze", "s", "t", "one"), g.node("MatMul", "z", "s", "M"), w, g.node("Mul", "p", "w", "s"), sum)
		g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "batch", "3")
		n, err := g.load()
		if lengths && (err == nil || !strings.Contains(err.Error(), "or by a pool over all of its steps")) || !lengths && (err != nil || !n.LastStep) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
