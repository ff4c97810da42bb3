package nettest

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
)

// A file brings the layer back and leaves the stream behind it alone; every cut
// and every changed byte is noticed.
func files(t *testing.T, k Kind) {
	for _, cfg := range []Config{
		{Input: 3, Hidden: 4}, {Input: 1, Hidden: 2, Layers: 2, Bidirectional: true},
		{Input: 2, Hidden: 1, Reverse: true, NoBias: true}, {Input: 1, Hidden: 1, Bidirectional: true, Merge: 2},
	} {
		net, err := k.New(cfg, rand.New(rand.NewPCG(3, 4)))
		check(t, err)
		var b bytes.Buffer
		n, err := net.WriteTo(&b)
		check(t, err)
		if n != int64(b.Len()) {
			t.Errorf("WriteTo returned %d, wrote %d", n, b.Len())
		}
		file := bytes.Clone(b.Bytes())
		b.WriteString("more")
		back, err := k.Load(&b)
		check(t, err)
		if rest := b.String(); rest != "more" {
			t.Errorf("Load left %q in the stream, want what followed the file", rest)
		}
		if back.Settings() != net.Settings() {
			t.Errorf("Config %+v came back as %+v", net.Settings(), back.Settings())
		}
		var want [][]float32
		net.EachParam(func(_ string, w []float32, _ ...int) { want = append(want, w) })
		i := 0
		back.EachParam(func(name string, w []float32, _ ...int) {
			numtest.Equal(t, w, want[i], "%s", name)
			i++
		})
		for i := range file {
			if k.variant {
				break // its files are made of the same parts
			}
			if _, err := k.Load(bytes.NewReader(file[:i])); err == nil {
				t.Fatalf("Load took the first %d of %d bytes", i, len(file))
			} else if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%d of %d bytes: %v, want io.ErrUnexpectedEOF in it", i, len(file), err)
			}
			bad := bytes.Clone(file)
			bad[i] ^= 0x10
			if _, err := k.Load(bytes.NewReader(bad)); err == nil {
				t.Fatalf("Load took a file with byte %d changed", i)
			}
		}
	}
}

// A file whose parts are whole but do not make a Layer.
func forgedFiles(t *testing.T, k Kind) {
	net, err := k.New(Config{Input: 2, Hidden: 1, NoBias: true}, nil)
	check(t, err)
	var b bytes.Buffer
	_, err = net.WriteTo(&b)
	check(t, err)
	whole, err := wire.Read(&b, k.Package, 2)
	check(t, err)
	good, err := whole.Int64("config", k.Fields)
	check(t, err)
	config := func(change map[int]int64) []int64 {
		v := append([]int64(nil), good...)
		for i, n := range change {
			v[i] = n
		}
		return v
	}
	weights := func(w *wire.Writer) {
		w.Float32("weight_ih_l0", make([]float32, 2*k.Gates), k.Gates, 2)
		w.Float32("weight_hh_l0", make([]float32, k.Gates), k.Gates, 1)
	}
	for _, c := range []struct {
		want   string
		config []int64
		more   bool
	}{
		{"no section \"config\"", nil, false},
		{"not a configuration", config(map[int]int64{3: 7}), false},
		{"not a configuration", config(map[int]int64{2: 0}), false},
		{"Config.Hidden is -1", config(map[int]int64{1: -1}), false},
		{"smaller sizes", config(map[int]int64{0: math.MaxInt64}), false},
		{"weight_ih_l0\" has shape", config(map[int]int64{0: 1 << 30, 1: 2}), false},
		{"no section \"weight_ih_l1", config(map[int]int64{2: 1 << 35}), false},
		{"should have 3", config(nil), true},
	} {
		var b bytes.Buffer
		w := wire.NewWriter(&b, k.Package, 2)
		if c.config != nil {
			w.Int64("config", c.config)
		}
		weights(w)
		if c.more {
			w.Float32("bias_ih_l0", make([]float32, k.Gates))
		}
		check(t, w.Close())
		if _, err := k.Load(&b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
