package onnx

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// With lengths the last step is that of each row, and a row of no steps has none. A row that begins
// anew inside of a Forward has several, and is refused, as it is for the first step.
func TestPickOfTheLastStep(t *testing.T) {
	last := &Pick{Width: 2, From: []int{1, 0}, Last: true}
	m := must(nn.Infer(3, 3, last))
	x, y := make([]float32, 18), make([]float32, 18)
	for i := range x {
		x[i] = float32(i)
	}
	if err := m.ForwardLengths(y, x, []int{2, 0, 3}); err != nil {
		t.Fatal(err)
	}
	if want := []float32{7, 6, 0, 0, 17, 16, 7, 6, 0, 0, 17, 16, 0, 0, 0, 0, 17, 16}; !slices.Equal(y, want) {
		t.Errorf("%v, want %v", y, want)
	}
	m = must(nn.Unroll(3, 3, &nn.Linear{In: 2, Out: 2, Weight: []float32{1, 0, 0, 1}}, last))
	if err := nn.CheckGradients(m, nn.GradientCheck{Lengths: []int{2, 1, 3}}); err != nil {
		t.Error(err)
	}
	for _, p := range []*Pick{last, {Width: 2, From: []int{1, 0}, First: []bool{false, true}}} {
		m := must(nn.Infer(3, 1, p))
		if err := m.SetResets([][]int{{1}}); err == nil || !strings.Contains(err.Error(), "row 0 cannot begin anew at step 1") {
			t.Errorf("%+v: %v, want an error about the reset", p, err)
		}
		if err := m.SetResets([][]int{nil}); err != nil {
			t.Error(err)
		}
	}
}

// What a decoder reads at all steps has to be one step of the sequence, as often as that has steps.
func TestRepetitionsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(g graphOf)
		want string
	}{
		{"all steps", func(g graphOf) { g.repeat("y", 5, 5, 1, 1, 1) }, "5 repetitions of axis 0 of size 5"},
		{"all directions", func(g graphOf) { g.repeat("y", 5, 1, 5, 1, 1) }, "5 repetitions along axis 1 of what a layer gives"},
		{"another number of steps", func(g graphOf) { g.repeat("h", 5, 4, 1, 1) }, "4 repetitions of one step of a sequence of 5 steps"},
		{"an unknown number of steps", func(g graphOf) { g.repeat("h", 0, 5, 1, 1) }, "5 repetitions of one step of a sequence of b steps"},
		{"the last step of the tensor, of rows with lengths", func(g graphOf) {
			g.repeat("h", 5, 5, 1, 1)
			g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("lengths", pb.TensorProto_INT32, "batch"))
			g.m.Graph.Node[0].Input = append(g.m.Graph.Node[0].Input, "lengths")
			g.constant("end", pb.TensorProto_INT64, []byte{4, 0, 0, 0, 0, 0, 0, 0})
			g.m.Graph.Node = slices.Insert(g.m.Graph.Node, 1, &pb.NodeProto{OpType: proto.String("Gather"), Input: []string{"y", "end"}, Output: []string{"e"}})
			g.m.Graph.Node[2].Input[0] = "e"
		}, "it repeats the last step of the tensor"},
	} {
		g := simple()
		c.edit(g)
		if _, err := g.load(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that contains %q", c.name, err, c.want)
		}
	}
}

// repeat makes the LSTM read steps, 0 for any number of them, and repeats one of its outputs.
func (g graphOf) repeat(of string, steps int, times ...byte) {
	if steps > 0 {
		g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "5", "batch", "2")
	}
	var raw []byte
	for _, n := range times {
		raw = append(raw, n, 0, 0, 0, 0, 0, 0, 0)
	}
	g.constant("times", pb.TensorProto_INT64, raw, int64(len(times)))
	g.m.Graph.Node[0].Output = []string{"y", "h"}
	g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String("Tile"), Input: []string{of, "times"}, Output: []string{"r"}})
	g.m.Graph.Output[0].Name = proto.String("r")
}

// What exporters make of the repetition comes back as the same stages, with one row or several.
func TestRepeatedStepOfOneRow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	layer := Recurrent{Layer: must(gru.New(gru.Config{Input: 2, Hidden: 3}, r))}
	c := exportCase{name: "one row", o: ExportOptions{NoStates: true}, stages: []nn.Stage{layer, &Pick{Width: 3, From: []int{0, 1, 2}, Last: true}, layer2(r)}}
	_, n := c.exported(t)
	for _, rows := range []int{1, 3} {
		in := inputsOf(n, rand.New(rand.NewPCG(1, 2)), 4, rows)
		original := *n
		original.Stages = c.stages
		want, got := must(original.Run(in)), must(n.Run(in))
		if !sameBits(want["y"].Floats, got["y"].Floats) {
			t.Errorf("%d rows: the outputs differ", rows)
		}
	}
}

func layer2(r *rand.Rand) nn.Stage {
	return Recurrent{Layer: must(gru.New(gru.Config{Input: 3, Hidden: 2}, r))}
}
