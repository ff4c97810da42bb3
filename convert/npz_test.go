package convert_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/convert"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

func npzBytes(t testing.TB, compress bool, arrays ...npy.Array) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := npy.WriteArchive(&b, compress, arrays...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func npzFile(t testing.TB, b []byte) *npy.Archive {
	t.Helper()
	a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What a network is written to gives the same network, of the same Config.
func TestNPZRoundTrip(t *testing.T) {
	for _, cfg := range []lstm.Config{{}, {Projection: 2, Bidirectional: true, NoBias: true}} {
		a := newLSTM(t, cfg)
		b, _, err := convert.LoadLSTM(npzFile(t, npzBytes(t, cfg.NoBias, must(convert.ToNPZ(a, "x.y."))...)), "x.y.")
		if err != nil {
			t.Fatal(err)
		}
		if a.Config() != b.Config() || !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
			t.Errorf("%+v came back as %+v", a.Config(), b.Config())
		}
	}
	// A textbook's z is 1-z there.
	a, b := newGRU(t, gru.Config{Textbook: true}), newGRU(t, gru.Config{Textbook: true})
	b.Init(nil, nothing)
	arrays := must(convert.ToNPZ(a, "rnn."))
	for i, w := range must(convert.ToSafetensors(a, "rnn.")) {
		if got := arrays[i]; got.Name != w.Name || !slices.Equal(got.Shape, w.Shape) || !slices.Equal(got.Float32, w.Data) {
			t.Errorf("%s differs from ToSafetensors", w.Name)
		}
	}
	if _, err := convert.FromNPZ(b, npzFile(t, npzBytes(t, false, arrays...)), "rnn."); err != nil || !slices.Equal(weights(a.EachParam), weights(b.EachParam)) {
		t.Errorf("a textbook GRU did not come back: %v", err)
	}
	_, err := convert.ToNPZ(newGRU(t, gru.Config{ResetBefore: true}), "")
	refused(t, err, "convert: npz: its GRU applies the reset gate after the product")
}

// Errors of the file come through with their types, and leave the network as it was:
// also those that come when half of the weights have been read.
func TestNPZFilesThatCannotBeRead(t *testing.T) {
	net := newRNN(t, rnn.Config{})
	arrays := must(convert.ToNPZ(net, "r."))
	old := weights(net.EachParam)
	whole := npzBytes(t, false, arrays...)
	check := func(what string, b []byte, as any, why string) {
		t.Helper()
		f := npzFile(t, b)
		got, _, err := convert.LoadRNN(f, "r.", rnn.Tanh)
		_, again := convert.FromNPZ(net, f, "r.")
		if !errors.As(err, as) || !errors.As(again, as) || got != nil || !strings.Contains(err.Error(), `convert: npz: prefix "r.": npy: array "r.`) || !strings.Contains(err.Error(), why) || again.Error() != err.Error() {
			t.Errorf("%s: %v, %v, want %T with %q", what, err, again, as, why)
		}
		if !slices.Equal(weights(net.EachParam), old) {
			t.Errorf("%s: the network has changed", what)
		}
	}
	// at changes bytes of a copy, at the n-th place where a text stands.
	at := func(text string, n int, change func(b []byte)) []byte {
		b := slices.Clone(whole)
		from := 0
		for range n {
			from += bytes.Index(b[from:], []byte(text)) + len(text)
		}
		change(b[from-len(text):])
		return b
	}
	for n := range len(arrays) {
		check("no array", at("\x93NUMPY", n+1, func(b []byte) { b[0] = 0 }), new(*npy.FormatError), "this is no array")
		check("integers of 3 bytes", at("'<f4'", n+1, func(b []byte) { copy(b, "'<f3'") }), new(*npy.TypeError), `the type "<f3"`)
		check("another number", at("\n", n+1, func(b []byte) { b[1] ^= 1 }), new(*npy.FormatError), "the data is damaged")
	}
	all, err := convert.Inspect(npzFile(t, at("\x93NUMPY", 2, func(b []byte) { b[0] = 0 })))
	if err != nil || len(all) != 1 || all[0].Kind != "" || all[0].Err == nil {
		t.Errorf("Inspect finds %v, %v", all, err)
	}

	// More layers than a file may have.
	var stack []npy.Array
	for i := range 513 {
		stack = append(stack, npy.Array{Name: fmt.Sprintf("weight_ih_l%d", i), Shape: []int{1, 1}, Float32: []float32{1}})
	}
	f := npzFile(t, npzBytes(t, false, stack...))
	var limit *npy.LimitError
	if all, err := convert.Inspect(f); all != nil || !errors.As(err, &limit) || limit.Max != 512 {
		t.Errorf("%d, %v", len(all), err)
	}
	if _, _, err := convert.LoadRNN(f, "", rnn.Tanh); !errors.As(err, &limit) {
		t.Error(err)
	}
}

// To look into an archive and to load it take less than twice its size and 1 MiB, with
// the network; of a deflated one the size is what it inflates to.
func TestAllocationOfNPZLoads(t *testing.T) {
	big, err := lstm.NewZero(lstm.Config{Input: 300, Hidden: 400, Layers: 2})
	if err != nil {
		t.Fatal(err)
	}
	arrays := must(convert.ToNPZ(big, ""))
	stored, packed := npzBytes(t, false, arrays...), npzBytes(t, true, arrays...)
	others := slices.Clone(must(convert.ToNPZ(newRNN(t, rnn.Config{}), "")))
	for i := range 10_000 {
		others = append(others, npy.Array{Name: fmt.Sprintf("x%d", i), Float32: []float32{1}}, npy.Array{Name: fmt.Sprintf("a%d.weight_xx_l0", i), Float32: []float32{1}})
	}
	rest := npzBytes(t, true, others...)
	for name, c := range map[string]struct {
		file []byte
		size int
	}{"stored": {stored, len(stored)}, "deflated": {packed, len(stored)}, "others": {rest, len(rest)}} {
		for what, do := range map[string]func(f *npy.Archive){
			"Inspect":  func(f *npy.Archive) { convert.Inspect(f) },
			"LoadLSTM": func(f *npy.Archive) { convert.LoadLSTM(f, "") },
			"LoadRNN":  func(f *npy.Archive) { convert.LoadRNN(f, "", rnn.Tanh) },
		} {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			do(npzFile(t, c.file))
			runtime.ReadMemStats(&after)
			got := int(after.TotalAlloc - before.TotalAlloc)
			if limit := 2*c.size + 1<<20; got > limit {
				t.Errorf("%s of %s: %d bytes allocated for %d, want at most %d", what, name, got, c.size, limit)
			}
			if what == "LoadLSTM" && name == "stored" && got > c.size+1<<20 {
				t.Errorf("%d bytes allocated for a network of %d: its weights are there more than once", got, c.size)
			}
		}
	}
}
