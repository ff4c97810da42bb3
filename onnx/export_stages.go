package onnx

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

func (e *exporter) linear(at string, l *nn.Linear) error {
	if len(l.Weight) != l.In*l.Out || l.Bias != nil && len(l.Bias) != l.Out {
		return &ExportError{at, "nn.Linear.Weight", fmt.Sprintf("it has %d elements, Bias %d, want %d and %d", len(l.Weight), len(l.Bias), l.In*l.Out, l.Out)}
	}
	turned := make([]float32, len(l.Weight))
	for o := range l.Out {
		for i := range l.In {
			turned[i*l.Out+o] = l.Weight[o*l.In+i]
		}
	}
	w, err := e.floats(at+".weight", turned, l.In, l.Out)
	if err != nil {
		return err
	}
	e.last, e.width = e.node("MatMul", []string{e.last, w}), l.Out
	if l.Bias != nil {
		b, err := e.floats(at+".bias", l.Bias, l.Out)
		if err != nil {
			return err
		}
		e.last = e.node("Add", []string{e.last, b})
	}
	return nil
}

func (e *exporter) layerNorm(at string, l *nn.LayerNorm) error {
	if len(l.Weight) != l.Width || l.Bias != nil && len(l.Bias) != l.Width {
		return &ExportError{at, "nn.LayerNorm.Weight", fmt.Sprintf("it has %d elements, Bias %d, want %d of each", len(l.Weight), len(l.Bias), l.Width)}
	}
	gain, err := e.floats(at+".weight", l.Weight, l.Width)
	if err != nil {
		return err
	}
	in := []string{e.last, gain}
	if l.Bias != nil {
		bias, err := e.floats(at+".bias", l.Bias, l.Width)
		if err != nil {
			return err
		}
		in = append(in, bias)
	}
	eps := l.Eps
	if eps == 0 {
		eps = 1e-5
	}
	e.last = e.node("LayerNormalization", in, integer("axis", -1), float("epsilon", eps))
	return nil
}

// pool writes a pool at the last step: a reduction over time, with lengths of what a mask leaves of it.
func (e *exporter) pool(at, field, op string) error {
	if !e.o.LastStep || e.one {
		return &ExportError{at, field, "its output at a step is that of the steps so far, for which there is no operator; with ExportOptions.LastStep one pool can be written, which is that of all steps"}
	}
	if e.o.Lengths {
		return e.poolOfRows(at, op)
	}
	e.last, e.one = e.node(op, []string{e.last}, ints("axes", 0), integer("keepdims", 0)), true
	return nil
}

// poolOfRows is pool over the steps of each row. It gives 0 for a row of no steps, as the stage does.
func (e *exporter) poolOfRows(at, op string) error {
	fill := map[string]float32{"ReduceMax": float32(math.Inf(-1))}[op]
	if err := e.masked(at, fill); err != nil {
		return err
	}
	e.one = true
	if op == "ReduceMax" {
		e.last = e.node(op, []string{e.last}, ints("axes", 0), integer("keepdims", 0))
		return e.some(at)
	}
	sum := e.node("ReduceSum", []string{e.last, e.list([]int64{0})}, integer("keepdims", 0))
	steps := e.node("Cast", []string{e.node("Max", []string{e.lengths(), e.integers(1)})}, integer("to", int64(pb.TensorProto_FLOAT)))
	e.last = e.node("Div", []string{sum, e.column(steps)})
	return nil
}

// some puts 0 in place of what there is for rows of no steps.
func (e *exporter) some(at string) error {
	zero, err := e.floats(at+".none", []float32{0})
	if err != nil {
		return err
	}
	some := e.node("Less", []string{e.integers(0), e.lengths()})
	e.last = e.node("Where", []string{e.column(some), e.last, zero})
	return nil
}

// masked puts a number in place of the steps past the ends of rows.
func (e *exporter) masked(at string, fill float32) error {
	mask := e.node("Less", []string{e.column(e.places(0)), e.lengths()})
	low, err := e.floats(at+".low", []float32{fill})
	if err != nil {
		return err
	}
	e.last = e.node("Where", []string{e.column(mask), e.last, low})
	return nil
}

// lastStep goes on with the last step alone, of each row where these have lengths.
func (e *exporter) lastStep() {
	if e.o.Lengths {
		last := e.node("Sub", []string{e.lengths(), e.integers(1)})
		pairs := e.node("Concat", []string{e.column(last), e.column(e.places(1))}, integer("axis", -1))
		e.last, e.one = e.node("GatherND", []string{e.last, pairs}), true
		return
	}
	e.last, e.one = e.node("Gather", []string{e.last, e.integers(-1)}, integer("axis", 0)), true
}

func (e *exporter) pick(at string, p *Pick) error {
	if p.First != nil && len(p.First) != len(p.From) {
		return &ExportError{at, "onnx.Pick.First", fmt.Sprintf("it has %d entries, want %d", len(p.First), len(p.From))}
	}
	if p.Last && p.First != nil {
		return &ExportError{at, "onnx.Pick.Last", "it comes with First, of which one has to be left out"}
	}
	index := make([]int64, len(p.From))
	future := false
	for i, from := range p.From {
		if from < 0 || from >= p.Width {
			return &ExportError{at, "onnx.Pick.From", fmt.Sprintf("entry %d is %d, of %d elements", i, from, p.Width)}
		}
		if index[i] = int64(from); p.First != nil && p.First[i] {
			index[i] += int64(p.Width)
			future = true
		}
	}
	if future {
		if !e.o.LastStep || e.one {
			return &ExportError{at, "onnx.Pick.First", "it gives elements of the first step at all steps; it can be written with ExportOptions.LastStep, once"}
		}
		x := e.last
		e.lastStep()
		first := e.node("Gather", []string{x, e.integers(0)}, integer("axis", 0))
		e.last = e.node("Concat", []string{e.last, first}, integer("axis", -1))
	}
	if p.Last && e.o.Lengths {
		return &ExportError{at, "onnx.Pick.Last", "with ExportOptions.Lengths the last step of a row is another one than that of the tensor"}
	}
	if p.Last && !e.one {
		x := e.last
		last := e.node("Gather", []string{x, e.list([]int64{-1})}, integer("axis", 0))
		e.last = e.node("Expand", []string{last, e.node("Shape", []string{x})})
	}
	list := e.list(index)
	e.last, e.width = e.node("Gather", []string{e.last, list}, integer("axis", -1)), len(index)
	return nil
}

func (e *exporter) scale(at string, s *Scale) error {
	if err := s.check(); err != nil {
		return &ExportError{at, "onnx.Scale", err.Error()}
	}
	for _, w := range []struct {
		op, name string
		v        []float32
	}{{"Mul", "factor", s.Factor}, {"Add", "shift", s.Shift}} {
		if w.v == nil {
			continue
		}
		name, err := e.floats(at+"."+w.name, w.v, len(w.v))
		if err != nil {
			return err
		}
		e.last = e.node(w.op, []string{e.last, name})
	}
	return nil
}

func (e *exporter) parallel(at string, list nn.Parallel) error {
	x, width, one := e.last, e.width, e.one
	var ends []string
	total := 0
	for i, s := range list {
		e.last, e.width, e.one = x, width, one
		if err := e.stage(fmt.Sprintf("%s.%d", at, i), s); err != nil {
			return err
		}
		if e.o.LastStep && !e.one && e.pooled(list) {
			e.lastStep() // as another one of the stages does
		}
		ends = append(ends, e.last)
		total += e.width
	}
	e.last, e.width = e.node("Concat", ends, integer("axis", -1)), total
	return nil
}

// pooled says whether one of the stages goes on with one step: then all side by side have to.
func (e *exporter) pooled(stages []nn.Stage) bool {
	for _, s := range flatten(stages) {
		switch s := s.(type) {
		case nn.PoolMean, nn.PoolMax, nn.AttentionPool:
			return true
		case *Pick:
			if slices.Contains(s.First, true) {
				return true
			}
		case nn.Sequential:
			if e.pooled(s) {
				return true
			}
		case nn.Residual:
			if e.pooled(s) {
				return true
			}
		case nn.Parallel:
			if e.pooled(s) {
				return true
			}
		}
	}
	return false
}

// gelu writes a GELU as its arithmetic, as PyTorch does before operator set 20.
func (e *exporter) gelu(at string, tanh bool) error {
	numbers := map[string]float64{"half": 0.5, "one": 1}
	if tanh {
		numbers["cubic"], numbers["argument"] = cubeFactor, tanhFactor
	} else {
		numbers["argument"] = sqrtHalf
	}
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		if _, err := e.floats(at+"."+name, []float32{float32(numbers[name])}); err != nil {
			return err
		}
	}
	by := func(x, name string) string { return e.node("Mul", []string{x, at + "." + name}) }
	x, f := e.last, ""
	if tanh {
		cube := e.node("Mul", []string{e.node("Mul", []string{x, x}), x})
		f = e.node("Tanh", []string{by(e.node("Add", []string{x, by(cube, "cubic")}), "argument")})
	} else {
		f = e.node("Erf", []string{by(x, "argument")})
	}
	e.last = by(e.node("Mul", []string{x, e.node("Add", []string{f, at + ".one"})}), "half")
	return nil
}

// lengths are those of the rows, [batch].
func (e *exporter) lengths() string {
	return e.node("Cast", []string{"lengths"}, integer("to", int64(pb.TensorProto_INT64)))
}

// places are 0, 1, 2 and so on: the steps, for axis 0, or the rows, for axis 1.
func (e *exporter) places(axis int64) string {
	size := e.node("Gather", []string{e.node("Shape", []string{e.shape}), e.integers(axis)}, integer("axis", 0))
	return e.node("Range", []string{e.integers(0), size, e.integers(1)})
}

// column gives a tensor one more axis, of size 1, behind its others.
func (e *exporter) column(of string) string {
	return e.node("Unsqueeze", []string{of, e.list([]int64{-1})})
}

// attention writes an attention at the last step: a softmax of the scores over time, and the sum of
// the steps weighted by it. Scores past the ends of rows are -Inf, and a row of no steps, whose
// softmax is no number, has 0.
func (e *exporter) attention(at, field string, s nn.AttentionPool) error {
	if !e.o.LastStep || e.one {
		return &ExportError{at, field, "its output at a step is that of the steps so far, for which there is no operator; with ExportOptions.LastStep one pool can be written, which is that of all steps"}
	}
	x, width := e.last, e.width
	if err := e.stages(at+".", flatten(s)); err != nil {
		return err
	}
	if e.one || e.width != 1 {
		return &ExportError{at, field, fmt.Sprintf("its stages give width %d, and one step: %v; want one score for each step", e.width, e.one)}
	}
	if e.o.Lengths {
		if err := e.masked(at, float32(math.Inf(-1))); err != nil {
			return err
		}
	}
	w := e.node("Softmax", []string{e.last}, integer("axis", 0))
	e.last, e.width, e.one = e.node("ReduceSum", []string{e.node("Mul", []string{x, w}), e.list([]int64{0})}, integer("keepdims", 0)), width, true
	if e.o.Lengths {
		return e.some(at)
	}
	return nil
}
