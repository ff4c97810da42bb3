package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// Small files whose nodes make much of little are refused before they take much more memory than
// they have bytes, and in little time.
func TestNodesThatCopy(t *testing.T) {
	long := func(g graphOf, name string, list ...int64) {
		g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String(name), DataType: proto.Int32(7), Dims: []int64{int64(len(list))}, Int64Data: list})
	}
	node := func(op string, attrs []*pb.AttributeProto, out string, in ...string) *pb.NodeProto {
		return &pb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}, Attribute: attrs}
	}
	const many = 4000
	// use makes the output need every node: their sizes are added up.
	use := func(g graphOf, nodes []*pb.NodeProto) {
		last := nodes[len(nodes)-1].Output[0]
		g.m.Graph.Node = append(nodes, g.m.Graph.Node...)
		g.after("Add", []string{last})
	}
	big := func(g graphOf) { // 65536 floats
		g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String("big"), DataType: proto.Int32(1), Dims: []int64{256, 256}, RawData: make([]byte, 4<<16)})
	}
	for name, c := range map[string]struct {
		edit func(g graphOf)
		want string
	}{
		"transposes of transposes": {func(g graphOf) {
			big(g)
			nodes := []*pb.NodeProto{node("Transpose", nil, "t0", "big")}
			for i := range many {
				nodes = append(nodes, node("Transpose", nil, fmt.Sprint("t", i+1), fmt.Sprint("t", i)))
			}
			use(g, nodes)
		}, "more elements than 4 for each byte"},
		"different slices": {func(g graphOf) {
			big(g)
			long(g, "to", 256)
			var nodes []*pb.NodeProto
			sum := "to"
			for i := range 200 {
				long(g, fmt.Sprint("from", i), int64(i+1))
				nodes = append(nodes, node("Slice", nil, fmt.Sprint("s", i), "big", fmt.Sprint("from", i), "to"), node("Shape", nil, fmt.Sprint("n", i), fmt.Sprint("s", i)),
					node("Gather", nil, fmt.Sprint("g", i), fmt.Sprint("n", i), "first"), node("Add", nil, fmt.Sprint("a", i), sum, fmt.Sprint("g", i)))
				sum = fmt.Sprint("a", i)
			}
			long(g, "first", 0)
			use(g, nodes)
		}, "more elements than 4 for each byte"},
		"the same entry again and again": {func(g graphOf) {
			big(g)
			long(g, "at", make([]int64, 60000)...)
			use(g, []*pb.NodeProto{node("Gather", nil, "g", "big", "at")})
		}, "60000 entries of a constant"},
		"ranges": {func(g graphOf) {
			long(g, "from", 0)
			long(g, "step", 1)
			g.tensor("from").Dims, g.tensor("step").Dims = nil, nil
			var nodes []*pb.NodeProto
			sum := "from"
			for i := range many {
				long(g, fmt.Sprint("to", i), int64(60000+i%2000))
				g.tensor(fmt.Sprint("to", i)).Dims = nil
				nodes = append(nodes, node("Range", nil, fmt.Sprint("r", i), "from", fmt.Sprint("to", i), "step"), node("Size", nil, fmt.Sprint("n", i), fmt.Sprint("r", i)), node("Add", nil, fmt.Sprint("a", i), sum, fmt.Sprint("n", i)))
				sum = fmt.Sprint("a", i)
			}
			use(g, nodes)
		}, "more elements than 4 for each byte"},
		"final states side by side": {func(g graphOf) {
			g.m.Graph.Node[0].Output = []string{"y", "h"}
			last := "h"
			for i := range 40 {
				g.m.Graph.Node = append(g.m.Graph.Node, node("Concat", []*pb.AttributeProto{integer("axis", 0)}, fmt.Sprint("c", i), last, last))
				last = fmt.Sprint("c", i)
			}
			g.m.Graph.Output[0].Name = proto.String(last)
		}, "more elements than 4 for each byte"},
		"parts of sums of sums": {func(g graphOf) {
			g.m.Graph.Input[0] = valueInfo("x", pb.TensorProto_FLOAT, "3", "1", "2")
			long(g, "zero", 0)
			long(g, "one", 1)
			long(g, "axis", 2)
			g.tensor("zero").Dims = nil
			nodes := []*pb.NodeProto{node("Gather", nil, "s", "x", "zero"), node("Tanh", nil, "s0", "s")}
			for i := range 60 {
				nodes = append(nodes, node("Add", nil, fmt.Sprint("s", i+1), fmt.Sprint("s", i), fmt.Sprint("s", i)))
			}
			long(g, "begin", 0)
			long(g, "last", 1)
			nodes = append(nodes, node("Slice", nil, "part", "s60", "begin", "one", "last"))
			use(g, nodes)
		}, "a part of the input"},
		"a table many times": {func(g graphOf) {
			big(g)
			g.m.Graph.Input = append(g.m.Graph.Input, valueInfo("ids", pb.TensorProto_INT64, "time", "batch"))
			var nodes []*pb.NodeProto
			sum := "ids"
			for i := range 500 {
				nodes = append(nodes, node("Gather", nil, fmt.Sprint("e", i), "big", "ids"), node("Add", nil, fmt.Sprint("a", i), sum, fmt.Sprint("e", i)))
				sum = fmt.Sprint("a", i)
			}
			use(g, nodes)
		}, "tensors with other axes"},
	} {
		g := simple()
		c.edit(g)
		b := g.bytes()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := Load(bytes.NewReader(b), Options{})
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		var n *NodeError
		if !errors.As(err, &n) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a NodeError with %q", name, err, c.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > uint64(60*len(b)+8<<20) {
			t.Errorf("%s: %d bytes of memory for %d", name, used, len(b))
		}
		if took > 20*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// A graph that takes the same parts of the same weights at each of many steps makes them once.
func TestTheSamePartsManyTimes(t *testing.T) {
	g := simple()
	g.m.Graph.Initializer = append(g.m.Graph.Initializer, &pb.TensorProto{Name: proto.String("big"), DataType: proto.Int32(1), Dims: []int64{3, 1 << 14}, RawData: make([]byte, 12<<14)})
	last := "t"
	g.m.Graph.Node[0].Output[0] = "t"
	for i := range 500 {
		name := func(s string) string { return fmt.Sprint(s, i) }
		raw := func(v int64) []*pb.AttributeProto { return []*pb.AttributeProto{ints("value_ints", v)} }
		n := func(op string, attrs []*pb.AttributeProto, out string, in ...string) {
			g.m.Graph.Node = append(g.m.Graph.Node, &pb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}, Attribute: attrs})
		}
		n("Constant", raw(0), name("from")) // each step has constants of its own
		n("Constant", raw(3), name("to"))
		n("Constant", raw(1), name("axis"))
		n("Transpose", nil, name("turned"), "big")
		n("Slice", nil, name("some"), name("turned"), name("from"), name("to"), name("zero"))
		n("Constant", raw(0), name("zero"))
		nodes := g.m.Graph.Node
		k := len(nodes)
		nodes[k-1], nodes[k-2] = nodes[k-2], nodes[k-1]
		n("MatMul", nil, name("y"), last, name("some"))
		last = name("y")
	}
	g.m.Graph.Output[0].Name = proto.String(last)
	if _, err := g.load(); err != nil {
		t.Error(err)
	}
}

// The cache of what is made of constants keeps them, since it knows large ones by where they are
// in memory, and what it gives is the caller's.
func TestConstantsThatAreMadeOnce(t *testing.T) {
	im := &importer{opset: 13, most: 1 << 20, budget: 1 << 20, room: 1 << 20}
	transposed := func(k *constant) []value {
		c := &call{im: im, n: &pb.NodeProto{OpType: proto.String("Transpose"), Input: []string{"w"}, Output: []string{"o"}}, in: []value{{k: k}}, attrs: map[string]*pb.AttributeProto{}}
		out, err := c.operator()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	k := &constant{dims: []sym{known(10), known(10)}, have: []int{10, 10}, float: true, f: make([]float32, 100)}
	for range 3 {
		out := transposed(k)
		if out[0].k == nil || out[0].k.count() != 100 {
			t.Fatalf("%+v, want a constant of 100 elements: what a caller did with the last one is seen here", out[0])
		}
		out[0] = value{}
	}
	at := weak.Make(k)
	k = nil
	runtime.GC()
	if len(im.folded) != 1 || at.Value() == nil {
		t.Errorf("%d entries, and the memory of the constant is free for another one", len(im.folded))
	}
	runtime.KeepAlive(im)
}
