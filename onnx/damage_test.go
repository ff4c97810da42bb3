package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A golden is a file of testdata.
type golden struct {
	name string
	text []byte
}

// goldens are the files of testdata of at most so many bytes.
func goldens(t testing.TB, most int) (list []golden) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "*", "*.onnx"))
	if err != nil || len(names) < 100 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) <= most {
			list = append(list, golden{name, text})
		}
	}
	return list
}

// damaged returns a file with something changed: its bytes, or what they say.
func damaged(r *rand.Rand, of golden) []byte {
	b := bytes.Clone(of.text)
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(4) {
			at := r.IntN(len(b))
			switch r.IntN(5) {
			case 0:
				b = b[:at+1]
			case 1:
				b[at] ^= 1 << r.IntN(8)
			case 2:
				b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
			case 3: // a piece again somewhere else
				n := min(1+r.IntN(40), len(b)-at)
				b = slices.Insert(b, r.IntN(len(b)), bytes.Clone(b[at:at+n])...)
			default:
				b = slices.Delete(b, at, min(len(b), at+1+r.IntN(20)))
			}
			if len(b) == 0 {
				b = []byte{0}
			}
		}
		return b
	}
	m := &pb.ModelProto{}
	if err := proto.Unmarshal(b, m); err != nil {
		panic(err)
	}
	for range 1 + r.IntN(3) {
		change(r, m)
	}
	return must(proto.Marshal(m))
}

// strange are sizes and indices that files have not.
var strange = []int64{0, 1, -1, 2, 3, 7, -2, 255, 1 << 16, 1 << 20, 1<<31 - 1, 1 << 31, 1 << 40, math.MaxInt64, math.MinInt64, -1 << 31}

// change gives one part of a model another value.
func change(r *rand.Rand, m *pb.ModelProto) {
	pick := func(list []int64) int64 { return list[r.IntN(len(list))] }
	graphs := []*pb.GraphProto{m.Graph}
	for _, n := range m.Graph.Node {
		for _, a := range n.Attribute {
			if a.G != nil {
				graphs = append(graphs, a.G)
			}
		}
	}
	g := graphs[r.IntN(len(graphs))]
	if len(g.Node) == 0 {
		return
	}
	n := g.Node[r.IntN(len(g.Node))]
	var names []string
	for _, t := range g.Initializer {
		names = append(names, t.GetName())
	}
	for _, other := range g.Node {
		names = append(names, other.Output...)
	}
	for _, in := range g.Input {
		names = append(names, in.GetName())
	}
	var tensors []*pb.TensorProto
	tensors = append(tensors, g.Initializer...)
	for _, other := range g.Node {
		for _, a := range other.Attribute {
			if a.T != nil {
				tensors = append(tensors, a.T)
			}
		}
	}
	switch r.IntN(12) {
	case 0:
		ops := slices.Sorted(func(f func(string) bool) {
			for op := range operators {
				if !f(op) {
					return
				}
			}
		})
		n.OpType = proto.String(ops[r.IntN(len(ops))])
	case 1, 2:
		if len(n.Input) > 0 {
			n.Input[r.IntN(len(n.Input))] = append(names, "", "nowhere")[r.IntN(len(names)+2)]
		}
	case 3:
		if len(n.Input) > 0 && r.IntN(2) == 0 {
			n.Input = n.Input[:len(n.Input)-1]
		} else {
			n.Input = append(n.Input, names[r.IntN(len(names))])
		}
	case 4:
		if len(n.Output) > 0 && r.IntN(2) == 0 {
			n.Output = n.Output[:len(n.Output)-1]
		} else {
			n.Output = append(n.Output, fmt.Sprint("more", r.IntN(3)))
		}
	case 5, 6:
		if len(n.Attribute) == 0 {
			n.Attribute = append(n.Attribute, integer([]string{"axis", "to", "keepdims", "layout", "hidden_size", "linear_before_reset"}[r.IntN(6)], pick(strange)))
			break
		}
		a := n.Attribute[r.IntN(len(n.Attribute))]
		switch {
		case r.IntN(6) == 0:
			a.Type = pb.AttributeProto_AttributeType(r.IntN(12)).Enum()
		case len(a.Ints) > 0 && r.IntN(3) == 0:
			a.Ints = append(a.Ints, pick(strange))
		case len(a.Ints) > 0:
			a.Ints[r.IntN(len(a.Ints))] = pick(strange)
		case len(a.Strings) > 0:
			a.Strings[r.IntN(len(a.Strings))] = []byte("Affine")
		default:
			a.I = proto.Int64(pick(strange))
		}
	case 7, 8:
		if len(tensors) == 0 {
			break
		}
		t := tensors[r.IntN(len(tensors))]
		switch r.IntN(4) {
		case 0:
			t.DataType = proto.Int32(int32(r.IntN(24)))
		case 1:
			t.Dims = append(t.Dims, pick(strange))
		case 2:
			if len(t.Dims) > 0 {
				t.Dims[r.IntN(len(t.Dims))] = pick(strange)
			}
		default: // another number among those of a shape
			if len(t.Int64Data) > 0 {
				t.Int64Data[r.IntN(len(t.Int64Data))] = pick(strange)
			} else if len(t.RawData) >= 8 && t.GetDataType() == int32(pb.TensorProto_INT64) {
				v := uint64(pick(strange))
				at := 8 * r.IntN(len(t.RawData)/8)
				for i := range 8 {
					t.RawData[at+i] = byte(v >> (8 * i))
				}
			}
		}
	case 9:
		if len(g.Input) == 0 {
			break
		}
		t := g.Input[r.IntN(len(g.Input))].GetType().GetTensorType()
		if d := t.GetShape().GetDim(); len(d) > 0 && r.IntN(3) > 0 {
			d[r.IntN(len(d))].Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: pick(strange)}
		} else if t != nil {
			t.ElemType = proto.Int32(int32(r.IntN(24)))
		}
	case 10:
		if len(m.OpsetImport) > 0 {
			m.OpsetImport[r.IntN(len(m.OpsetImport))].Version = proto.Int64(int64(5 + r.IntN(20)))
		}
	default:
		i, k := r.IntN(len(g.Node)), r.IntN(len(g.Node))
		g.Node[i], g.Node[k] = g.Node[k], g.Node[i]
	}
}

// memoryOf is what a file of so many bytes may take while it is read: garbage counts too.
func memoryOf(bytes int) uint64 { return uint64(100*bytes + 4<<20) }

// survives loads a file and, if it is a network, runs it with small inputs.
func survives(text []byte) (loaded bool, took uint64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a panic: %v\n%s", p, debug.Stack())
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := Load(bytes.NewReader(text), Options{})
	runtime.ReadMemStats(&after)
	took = after.TotalAlloc - before.TotalAlloc
	if took > memoryOf(len(text)) {
		return false, took, fmt.Errorf("%d bytes of memory for %d bytes", took, len(text))
	}
	var node *NodeError
	var format *FormatError
	if (n == nil) == (err == nil) || err != nil && !errors.As(err, &node) && !errors.As(err, &format) {
		return false, took, fmt.Errorf("a %T: %w", err, err)
	}
	if err != nil {
		return false, took, nil
	}
	runZero(n)
	return true, took, nil
}

// Golden files with anything changed give a typed error or a network that runs, and take memory
// and time in proportion to their bytes.
func TestDamagedGoldenFiles(t *testing.T) {
	files := goldens(t, 40<<10)
	n := 4000
	if testing.Short() {
		n = 1500
	}
	if s := os.Getenv("SIMDRNN_ONNX_DAMAGES"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			t.Fatal(err)
		}
	}
	loaded, failed, worst := 0, 0, 0.0
	var slowest time.Duration
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		of := files[r.IntN(len(files))]
		text := damaged(r, of)
		start := time.Now()
		ok, took, err := survives(text)
		if err != nil {
			t.Errorf("seed %d, of %s: %v", seed, of.name, err)
			if failed++; failed == 8 {
				t.FailNow()
			}
		}
		if d := time.Since(start); d > slowest {
			if slowest = d; d > 30*time.Second {
				t.Fatalf("seed %d, of %s: %v", seed, of.name, d)
			}
		}
		worst = max(worst, float64(took)/float64(len(text)))
		if ok {
			loaded++
		}
	}
	t.Logf("%d files, of which %d are networks; at most %.0f bytes of memory for each, and %v", n, loaded, worst, slowest.Round(time.Millisecond))
	if loaded < n/50 || loaded > n*9/10 {
		t.Errorf("%d of %d are networks: the changes are too many or too few", loaded, n)
	}
}
