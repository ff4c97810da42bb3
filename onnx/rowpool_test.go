package onnx

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// pooling makes graphs of an LSTM with a mask of the lengths of rows: "s" are its steps, [time][batch]
// [3], "mask" says which exist, [time][batch][1], "float" is it as 0 and 1, and "steps" are the
// lengths as floats, [batch][1].
func pooling() graphOf {
	g := simple()
	g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("lengths", pb.TensorProto_INT64, "batch"), valueInfo("others", pb.TensorProto_INT64, "batch"))
	g.m.Graph.Node[0].Output[0] = "t"
	g.whole("0", 0)
	g.whole("1", 1)
	g.whole("2", 2)
	g.numbers("none", []float32{0})
	g.numbers("low", []float32{float32(math.Inf(-1))})
	for name, n := range map[string]int64{"from": 0, "by": 1} {
		g.whole(name, n)
		g.tensor(name).Dims = nil
	}
	g.add("Squeeze", "s", "t", "1")
	g.add("Shape", "sizes", "s")
	g.add("Gather", "time", "sizes", "from")
	g.add("Range", "places", "from", "time", "by")
	g.add("Unsqueeze", "column", "places", "1")
	g.add("Less", "flat", "column", "lengths")
	g.add("Unsqueeze", "mask", "flat", "2")
	castTo(g.add("Cast", "float", "mask"), pb.TensorProto_FLOAT)
	castTo(g.add("Cast", "whole", "lengths"), pb.TensorProto_FLOAT)
	g.add("Unsqueeze", "steps", "whole", "1")
	g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "batch", "3")
	return g
}

// add puts a node behind the others.
func (g graphOf) add(op, to string, from ...string) *pb.NodeProto {
	n := g.node(op, to, from...)
	g.m.Graph.Node = append(g.m.Graph.Node, n)
	return n
}

// sum adds a sum over an axis, without it.
func (g graphOf) sum(to, from, axis string) {
	g.add("ReduceSum", to, from, axis).Attribute = []*pb.AttributeProto{integer("keepdims", 0)}
}

// highest is the maximum of the steps of each row, of which the others are masked.
func (g graphOf) highest() {
	g.add("Where", "kept", "mask", "s", "low")
	g.over("ReduceMax", "highest", "kept")
}

// rows chooses for each row one of two values by whether a is less than b.
func (g graphOf) rows(a, b, yes, no string) {
	g.add("Less", "some", a, b)
	g.add("Unsqueeze", "rows", "some", "1")
	g.add("Where", "y", "rows", yes, no)
}

// over adds a reduction over time, without that axis.
func (g graphOf) over(op, to, from string) {
	g.add(op, to, from).Attribute = []*pb.AttributeProto{ints("axes", 0), integer("keepdims", 0)}
}

// What masks and lengths make a pool is read as one, over the steps of each row, and what is nearly
// such, and means another thing, is refused.
func TestPoolsByMasks(t *testing.T) {
	for name, c := range map[string]struct {
		nodes func(g graphOf)
		pool  string // "mean", "max", or what an error has
	}{
		"product": {func(g graphOf) {
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "mean"},
		"mask first": {func(g graphOf) {
			g.add("Mul", "kept", "float", "s")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "mean"},
		"Where": {func(g graphOf) {
			g.add("Where", "kept", "mask", "s", "none")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "mean"},
		"padding": {func(g graphOf) {
			g.add("Not", "padding", "mask")
			g.add("Where", "kept", "padding", "none", "s")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "mean"},
		"counted": {func(g graphOf) {
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.sum("count", "float", "0")
			g.add("Div", "y", "total", "count")
		}, "mean"},
		"a small limit": {func(g graphOf) {
			g.numbers("limit", []float32{1e-9})
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.sum("count", "float", "0")
			g.add("Clip", "limited", "count", "limit")
			g.add("Div", "y", "total", "limited")
		}, "mean"},
		"rows of no steps": {func(g graphOf) {
			g.highest()
			g.rows("0", "lengths", "highest", "none")
		}, "max"},
		"rows of a step": {func(g graphOf) {
			g.highest()
			g.rows("lengths", "1", "none", "highest")
		}, "max"},
		"a maximum": {func(g graphOf) {
			g.add("Where", "kept", "mask", "s", "low")
			g.over("ReduceMax", "y", "kept")
		}, "max"},
		"the least number": {func(g graphOf) {
			g.numbers("least", []float32{-math.MaxFloat32})
			g.add("Where", "kept", "mask", "s", "least")
			g.over("ReduceMax", "y", "kept")
		}, "max"},

		"other lengths": {func(g graphOf) {
			castTo(g.add("Cast", "float others", "others"), pb.TensorProto_FLOAT)
			g.add("Unsqueeze", "divisor", "float others", "1")
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "divisor")
		}, "divided by something else than the lengths"},
		"lengths of at least 2": {func(g graphOf) {
			g.add("Max", "limited", "lengths", "2")
			castTo(g.add("Cast", "limited float", "limited"), pb.TensorProto_FLOAT)
			g.add("Unsqueeze", "divisor", "limited float", "1")
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "divisor")
		}, "the graph's input lengths"},
		"floats of at least 2": {func(g graphOf) {
			g.numbers("two", []float32{2})
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.sum("count", "float", "0")
			g.add("Max", "limited", "count", "two")
			g.add("Div", "y", "total", "limited")
		}, "a lower limit of 2"},
		"lengths less 1": {func(g graphOf) {
			g.add("Sub", "less", "lengths", "1")
			castTo(g.add("Cast", "less float", "less"), pb.TensorProto_FLOAT)
			g.add("Unsqueeze", "divisor", "less float", "1")
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "divisor")
		}, "divided by something else than the lengths"},
		"counted among two": {func(g graphOf) {
			g.whole("two places", 0, 1)
			g.add("Unsqueeze", "few", "two places", "1")
			g.add("Less", "few flat", "few", "lengths")
			castTo(g.add("Cast", "few float", "few flat"), pb.TensorProto_FLOAT)
			g.sum("count", "few float", "0")
			g.add("Unsqueeze", "divisor", "count", "1")
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "divisor")
		}, "by their number among 2"},
		"counted padding": {func(g graphOf) {
			g.add("Not", "padding", "mask")
			castTo(g.add("Cast", "padding float", "padding"), pb.TensorProto_FLOAT)
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.sum("count", "padding float", "0")
			g.add("Div", "y", "total", "count")
		}, "no mask of steps"},
		"counted in half precision": {func(g graphOf) {
			castTo(g.add("Cast", "half", "mask"), pb.TensorProto_FLOAT16)
			g.sum("half count", "half", "0")
			castTo(g.add("Cast", "count", "half count"), pb.TensorProto_FLOAT)
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "count")
		}, "no mask of steps"},
		"counted rows": {func(g graphOf) {
			g.sum("count", "float", "1")
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "count")
		}, "no mask of steps"},
		"the padding is kept": {func(g graphOf) {
			g.add("Where", "kept", "mask", "none", "s")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "it makes of the lengths of rows"},
		"a product with padding": {func(g graphOf) {
			g.add("Not", "padding", "mask")
			castTo(g.add("Cast", "padding float", "padding"), pb.TensorProto_FLOAT)
			g.add("Mul", "kept", "s", "padding float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "it makes of the lengths of rows"},
		"a mean of kept steps": {func(g graphOf) {
			g.add("Mul", "kept", "s", "float")
			g.over("ReduceMean", "y", "kept")
		}, "steps that are 0 past the ends of rows"},
		"a maximum beside 0": {func(g graphOf) {
			g.add("Mul", "kept", "s", "float")
			g.over("ReduceMax", "y", "kept")
		}, "steps that are 0 past the ends of rows"},
		"a maximum beside a number": {func(g graphOf) {
			g.numbers("number", []float32{-1e9})
			g.add("Where", "kept", "mask", "score", "number")
			g.over("ReduceMax", "y", "kept")
		}, "which may be above the others"},
		"several beside a number": {func(g graphOf) {
			g.numbers("number", []float32{-1e9})
			g.add("Where", "kept", "mask", "s", "number")
			g.over("ReduceMax", "y", "kept")
		}, "it masks 3 numbers of each step by -1e+09"},
		"any number": {func(g graphOf) {
			g.numbers("number", []float32{1})
			g.add("Where", "kept", "mask", "s", "number")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "it masks steps by [1]"},
		"masked twice": {func(g graphOf) {
			g.add("Mul", "once", "s", "float")
			g.add("Mul", "kept", "once", "float")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		}, "is masked before"},
		"a sum over rows": {func(g graphOf) {
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "1")
			g.add("Div", "y", "total", "steps")
		}, "over axis 1, which is not time"},
		"a maximum over rows": {func(g graphOf) {
			g.add("Where", "kept", "mask", "s", "low")
			g.add("ReduceMax", "y", "kept").Attribute = []*pb.AttributeProto{ints("axes", 1)}
		}, "over axis 1, which is not time"},
		"the sum itself": {func(g graphOf) {
			g.add("Mul", "kept", "s", "float")
			g.sum("y", "kept", "0")
		}, "divide it by the lengths"},
		"kept steps": {func(g graphOf) {
			g.add("Mul", "y", "s", "float")
		}, "steps that are 0 past the ends of rows"},
		"masked steps": {func(g graphOf) {
			g.add("Where", "y", "mask", "s", "low")
		}, "masked steps, which only a maximum"},
		"a constant more": {func(g graphOf) {
			g.numbers("one", []float32{1})
			g.add("Mul", "kept", "s", "float")
			g.sum("total", "kept", "0")
			g.add("Add", "more", "total", "one")
			g.add("Div", "y", "more", "steps")
		}, "it adds a constant to the sum of the steps"},
		"rows of no steps are 1": {func(g graphOf) {
			g.numbers("one", []float32{1})
			g.highest()
			g.rows("0", "lengths", "highest", "one")
		}, "it gives rows of no steps [1], want 0"},
		"rows of other lengths": {func(g graphOf) {
			g.highest()
			g.rows("0", "others", "highest", "none")
		}, "it gives 0 for rows of no steps"},
		"rows of a few steps": {func(g graphOf) {
			g.highest()
			g.rows("1", "lengths", "highest", "none")
		}, "the graph's input lengths"},
		"all steps of rows": {func(g graphOf) {
			g.rows("0", "lengths", "s", "none")
			g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "time", "batch", "3")
		}, "it masks something else"},
		"rows in place of steps": {func(g graphOf) {
			g.add("Unsqueeze", "turned", "flat", "2").Input[0] = "flat turned"
			g.add("Where", "y", "turned", "s", "low")
			at := len(g.m.Graph.Node) - 2
			turn := g.node("Transpose", "flat turned", "flat")
			g.m.Graph.Node = slices.Insert(g.m.Graph.Node, at, turn)
		}, "a mask of the sizes"},
	} {
		g := pooling()
		if name == "a maximum beside a number" {
			g.numbers("M", []float32{1, 2, 3}, 3, 1)
			g.add("MatMul", "score", "s", "M")
		}
		c.nodes(g)
		n, err := g.load()
		if c.pool != "mean" && c.pool != "max" {
			if err == nil || !strings.Contains(err.Error(), c.pool) {
				t.Errorf("%s: %v, want an error with %q", name, err, c.pool)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := Tensor{Shape: []int{4, 2, 2}, Floats: []float32{1, -1, 0.5, 2, 3, -2, 0.25, 1, -3, 2, 4, 4, 0.5, 0.5, 1, -1}}
		got := must(n.Run(map[string]Tensor{"x": x, "lengths": {Shape: []int{2}, Integers: []int64{2, 3}}}))["y"]
		all := must(must(simple().load()).Run(map[string]Tensor{"x": x}))["y"].Floats
		for row, steps := range []int{2, 3} {
			for unit := range 3 {
				sum, highest := 0.0, math.Inf(-1)
				for step := range steps {
					v := float64(all[(step*2+row)*3+unit])
					sum, highest = sum+v, max(highest, v)
				}
				want := map[string]float64{"mean": sum / float64(steps), "max": highest}[c.pool]
				if have := float64(got.Floats[row*3+unit]); math.Abs(have-want) > 1e-6 {
					t.Errorf("%s: row %d has %v for unit %d, want %v", name, row, have, unit, want)
				}
			}
		}
	}
}

// A batch of one row, whose lengths have no axis of rows.
func TestPoolsOfOneRow(t *testing.T) {
	for _, op := range []string{"ReduceSum", "ReduceMax"} {
		g := pooling()
		for _, in := range g.m.Graph.Input {
			d := in.Type.GetTensorType().Shape.Dim
			for i := range d {
				if d[i].GetDimParam() == "batch" {
					d[i].Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: 1}
				}
			}
		}
		if op == "ReduceSum" {
			g.add("Where", "kept", "mask", "s", "none")
			g.sum("total", "kept", "0")
			g.add("Div", "y", "total", "steps")
		} else {
			g.highest()
			g.rows("0", "lengths", "highest", "none")
		}
		g.m.Graph.Output[0] = valueInfo("y", pb.TensorProto_FLOAT, "1", "3")
		n, err := g.load()
		if err != nil {
			t.Errorf("%s: %v", op, err)
			continue
		}
		x := Tensor{Shape: []int{3, 1, 2}, Floats: []float32{1, -1, 0.5, 2, 3, -2}}
		got := must(n.Run(map[string]Tensor{"x": x, "lengths": {Shape: []int{1}, Integers: []int64{2}}}))["y"].Floats
		all := must(must(simple().load()).Run(map[string]Tensor{"x": x}))["y"].Floats
		for i, v := range got {
			want := (all[i] + all[3+i]) / 2
			if op == "ReduceMax" {
				want = max(all[i], all[3+i])
			}
			if math.Abs(float64(v-want)) > 1e-6 {
				t.Errorf("%s: %v for unit %d, want %v", op, v, i, want)
			}
		}
	}
}

// rowsOfNoSteps are the chains and the inputs of TestExportedPoolsOfRowsOfNoSteps.
func rowsOfNoSteps() (list []exportCase, inputs func(i int, n *Network) map[string]Tensor) {
	r := rand.New(rand.NewPCG(3, 4))
	attention := nn.AttentionPool{must(nn.NewLinear(3, 1, rand.New(rand.NewPCG(5, 6))))}
	for name, pool := range map[string]nn.Stage{"mean": nn.PoolMean{}, "max": nn.PoolMax{}, "attention": attention} {
		linear := must(nn.NewLinear(2, 3, rand.New(rand.NewPCG(1, 2))))
		linear.Bias = []float32{-1.5, 0.5, 2}
		list = append(list, exportCase{name, ExportOptions{LastStep: true, Lengths: true}, []nn.Stage{linear, pool}})
	}
	slices.SortFunc(list, func(a, b exportCase) int { return strings.Compare(a.name, b.name) })
	x := Tensor{Shape: []int{4, 3, 2}, Floats: make([]float32, 24)}
	for i := range x.Floats {
		x.Floats[i] = float32(r.NormFloat64())
	}
	in := map[string]Tensor{"x": x, "lengths": {Shape: []int{3}, Integers: []int64{3, 0, 4}}}
	return list, func(int, *Network) map[string]Tensor { return in }
}

// A file gives 0 for a row of no steps where a chain does, at the steps that the row does not have.
func TestExportedPoolsOfRowsOfNoSteps(t *testing.T) {
	cases, inputs := rowsOfNoSteps()
	dir := filepath.Join("testdata", "norows")
	if *update {
		runtimeOf(t, dir, cases, inputs, peer(t, "onnx", "onnxruntime"))
	}
	for _, c := range cases { // what Load reads says nothing of rows of no steps: the files themselves count
		text, _ := c.exported(t)
		if want, err := os.ReadFile(filepath.Join(dir, c.name+".onnx")); err != nil || !slices.Equal(text, want) {
			t.Errorf("%s: another file than that which ONNX Runtime computed, %v: write it with -update", c.name, err)
		}
	}
	want := map[string]map[string]Tensor{}
	for _, c := range peerCases(t, dir, len(cases)) {
		want[c.Model] = c.Outputs
	}
	compareNoSteps(t, want)
}

// The same with the ONNX Runtime of the day.
func TestExportedPoolsOfRowsOfNoStepsToday(t *testing.T) {
	py := peer(t, "onnx", "onnxruntime")
	cases, inputs := rowsOfNoSteps()
	compareNoSteps(t, runtimeOf(t, t.TempDir(), cases, inputs, py))
}

func compareNoSteps(t *testing.T, want map[string]map[string]Tensor) {
	t.Helper()
	cases, inputs := rowsOfNoSteps()
	for _, c := range cases {
		_, n := c.exported(t)
		in := inputs(0, n)
		if _, err := n.Run(in); err == nil || !strings.Contains(err.Error(), "row 1 of no steps") {
			t.Errorf("%s: Run gives %v", c.name, err)
		}
		lengths := []int{}
		for _, steps := range in["lengths"].Integers {
			lengths = append(lengths, int(steps))
		}
		m := must(nn.Infer(4, 3, c.stages...))
		y := make([]float32, 4*3*3)
		if err := m.ForwardLengths(y, in["x"].Floats, lengths); err != nil {
			t.Fatal(err)
		}
		got := Tensor{Shape: []int{3, 3}}
		for row, steps := range lengths {
			got.Floats = append(got.Floats, y[(max(0, steps-1)*3+row)*3:][:3]...)
		}
		compareOutputs(t, c.name, map[string]Tensor{"y": got}, want[c.name])
		if !sameBits(want[c.name]["y"].Floats[3:6], make([]float32, 3)) {
			t.Errorf("%s: ONNX Runtime gives %v for a row of no steps, want 0", c.name, want[c.name]["y"].Floats[3:6])
		}
	}
}
