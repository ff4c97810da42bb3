package chain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/chain"
	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
	"github.com/simdrnn/simdrnn/rnn"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

const steps, rows = 3, 2

// chains are chains of all kinds of stages, with all fields of all Configs in one of them.
func chains() map[string][]nn.Stage {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(w []float32) {
		for i := range w {
			w[i] = 2*r.Float32() - 1
		}
	}
	emb := must(nn.NewEmbedding(5, 4, r))
	if err := emb.SetPaddingID(3); err != nil {
		panic(err)
	}
	tied := emb.Readout()
	draw(tied.Bias)
	twice := must(gru.New(gru.Config{Input: 4, Hidden: 4}, r))
	learned := must(nn.NewLearnedState(must(lstm.New(lstm.Config{Input: 4, Hidden: 6, Projection: 3, Layers: 2, Bidirectional: true}, r)).Unroll(steps, rows)))
	learned.EachParam(func(_ string, w, _ []float32) { draw(w) })
	norm := must(nn.NewLayerNorm(6))
	norm.Eps = 1e-3
	draw(norm.Weight)
	plain := must(nn.NewLinear(6, 2, r))
	plain.Bias = nil
	bare := must(nn.NewLayerNorm(2))
	bare.Bias = nil
	again := &nn.Linear{Weight: plain.Weight, Bias: []float32{1, 2}, In: 6, Out: 2}
	all := map[string][]nn.Stage{
		"words": {emb, nn.Dropout{P: 0.25, Whole: true}, learned, norm, nn.ReLU, plain, bare},
		"tied":  {emb, twice.Unroll(steps, rows), nn.Dropout{P: 0.5, Locked: true}, twice.Unroll(steps, rows), tied},
		"parts": {
			must(nn.NewLinear(3, 4, r)),
			nn.Residual{must(nn.NewLayerNorm(4)), must(rnn.New(rnn.Config{Input: 4, Hidden: 4, Activation: rnn.Softplus, NoBias: true}, r)).Unroll(steps, rows)},
			nn.Parallel{nn.Sequential{nn.PoolMean{}, nn.Tanh}, nn.PoolMax{}, must(lstm.New(lstm.Config{Input: 4, Hidden: 6, Reverse: true}, r)).Unroll(steps, rows)},
			must(nn.NewLinear(14, 6, r)), plain, nn.Sequential{nn.GELU}, must(nn.NewLinear(2, 6, r)),
			nn.AttentionPool{must(nn.NewLinear(6, 3, r)), nn.Tanh, must(nn.NewLinear(3, 1, r))}, again,
		},
		"everything": {
			must(lstm.New(lstm.Config{
				Input: 2, Hidden: 4, Layers: 2, Bidirectional: true, Merge: lstm.Average, Projection: 3, Peephole: true, Coupled: true,
				GateActivation: lstm.HardSigmoid(0.25, 0.5), CandidateActivation: lstm.ELU(0.5), OutputActivation: lstm.ScaledTanh(1.5, 0.75),
				CellClip: 2, Clip: 3, LayerNorm: true, Dropout: 0.1, InputDropout: 0.2, HiddenDropout: 0.3, WeightDropout: 0.4, Zoneout: 0.125, ZoneoutCell: 0.0625, Workers: 3,
			}, r)).Unroll(steps, rows),
			must(gru.New(gru.Config{Input: 3, Hidden: 3, Bidirectional: true, Merge: gru.Multiply, ResetBefore: true, GateActivation: gru.Affine(0.5, 0.25), CandidateActivation: gru.ThresholdedReLU(0.5)}, r)).Unroll(steps, rows),
			must(rnn.New(rnn.Config{Input: 3, Hidden: 3, Activation: rnn.LeakyReLU(0.0625)}, r)).Unroll(steps, rows),
		},
	}
	functions := []nn.Stage{must(nn.NewLinear(2, 3, r))}
	for _, f := range []nn.Activation{nn.Tanh, nn.ReLU, nn.Sigmoid, nn.Softsign, nn.Softplus, nn.GELU, nn.GELUTanh, nn.LeakyReLU(0.125), nn.ELU(0.7), nn.HardSigmoid(0.2, 0.5)} {
		functions = append(functions, f)
	}
	all["functions"] = functions
	return all
}

// outputs runs a model over drawn inputs.
func outputs(t *testing.T, m *nn.Model) []float32 {
	t.Helper()
	_, _, in, out := m.Dims()
	r := rand.New(rand.NewPCG(3, 4))
	y := make([]float32, steps*rows*out)
	if m.TakesIDs() {
		ids := make([]int32, steps*rows)
		for i := range ids {
			ids[i] = int32(r.IntN(in))
		}
		if err := m.ForwardIDs(y, ids); err != nil {
			t.Fatal(err)
		}
		return y
	}
	x := make([]float32, steps*rows*in)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	m.Forward(y, x)
	return y
}

func written(t *testing.T, stages ...nn.Stage) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := chain.Write(&b, map[string]string{"by": "a test"}, stages...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(t testing.TB, b []byte) *safetensors.File {
	t.Helper()
	f, err := safetensors.New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func same(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}

// What is written and read has the same parameters under the same names, shared as before,
// the same outputs and the same description.
func TestRoundTrip(t *testing.T) {
	for name, stages := range chains() {
		t.Run(name, func(t *testing.T) {
			model := must(nn.Unroll(steps, rows, stages...))
			b := written(t, model)
			if !bytes.Equal(b, written(t, stages...)) {
				t.Error("a model and its stages are written in different ways")
			}
			f := file(t, b)
			if f.Metadata()["by"] != "a test" {
				t.Error("the metadata is lost")
			}
			c, err := chain.Load(f)
			if err != nil {
				t.Fatal(err)
			}
			again := must(c.Unroll(steps, rows))
			want, got := must(nn.Params(model)), must(nn.Params(again))
			for i := range want {
				if i >= len(got) || got[i].Name != want[i].Name || !same(got[i].W, want[i].W) {
					t.Fatalf("parameter %d, %s, has changed", i, want[i].Name)
				}
				if shape, ok, err := f.Shape(want[i].Name); !ok || err != nil || !slices.Equal(shape, nn.Shapes(model)[want[i].Name]) {
					t.Errorf("%s has the shape %v in the file, %v", want[i].Name, shape, err)
				}
			}
			if len(got) != len(want) || f.Len() != len(want) {
				t.Errorf("%d parameters, %d tensors, want %d", len(got), f.Len(), len(want))
			}
			if !bytes.Equal(b, written(t, again)) {
				t.Error("written again it is another file")
			}
			for what, m := range map[string]*nn.Model{"trained": again, "inferred": must(c.Infer(steps, rows))} {
				model.SetTraining(false)
				m.SetTraining(false)
				model.Reset()
				m.Reset()
				if a, b := outputs(t, model), outputs(t, m); !same(a, b) {
					t.Errorf("%s: the outputs are %v, want %v", what, b, a)
				}
			}
			if s := c.String(); s != fmt.Sprintf("a chain of %d stages", len(stages)) {
				t.Error(s)
			}
		})
	}
}

// GrowReadout takes a readout of what was read, as it takes one of Embedding.Readout.
func TestReadoutStaysTied(t *testing.T) {
	c := must(chain.Load(file(t, written(t, chains()["tied"]...))))
	stages := must(c.Infer(1, 1)).Stages()
	emb, out := stages[0].(*nn.Embedding), stages[len(stages)-1].(*nn.Linear)
	if id, ok := emb.PaddingID(); id != 3 || !ok {
		t.Errorf("the id of padding is %d, %v", id, ok)
	}
	if &emb.Weight[0] != &out.Weight[0] {
		t.Fatal("the readout has a table of its own")
	}
	if _, err := nn.GrowLinear(out, 9, rand.New(rand.NewPCG(1, 2))); err == nil || !strings.Contains(err.Error(), "Readout") {
		t.Error(err)
	}
}

// Names and arrays of an .npz, and the parameters of a checkpoint, which have no shapes,
// make the same chain.
func TestOtherSources(t *testing.T) {
	stages := chains()["tied"]
	model := must(nn.Chain(stages...))
	d := must(chain.Describe(model))
	var arrays []npy.Array
	shapes := nn.Shapes(model)
	for _, p := range must(nn.Params(model)) {
		arrays = append(arrays, npy.Array{Name: p.Name, Shape: shapes[p.Name], Float32: p.W})
	}
	name := filepath.Join(t.TempDir(), "a.npz")
	if err := npy.WriteArchiveFile(name, false, arrays...); err != nil {
		t.Fatal(err)
	}
	archive := must(npy.OpenArchive(name))
	defer archive.Close()
	want := nn.Fingerprint(model)
	if got := must(must(chain.LoadTensors(d, archive)).Infer(1, 1)); nn.Fingerprint(got) != want {
		t.Error("from .npz it has other weights")
	}
	meta := must(json.Marshal(map[string]any{"rate": 0.1, chain.Key: json.RawMessage(d)}))
	text := must(json.Marshal(map[string]any{chain.Key: d}))
	for _, meta := range [][]byte{meta, text} {
		if got, ok := chain.DescriptionOf(meta); !ok || got != d {
			t.Errorf("%q, want %q", got, d)
		}
	}
	for _, meta := range []string{"", "null", "[]", "{}", "{", "text"} {
		if got, ok := chain.DescriptionOf([]byte(meta)); ok {
			t.Errorf("%q has the description %q", meta, got)
		}
	}
	c := checkpoint(t, model, meta)
	want = nn.Fingerprint(model)
	if got := must(must(chain.LoadCheckpoint("", c)).Infer(1, 1)); nn.Fingerprint(got) != want {
		t.Error("from a checkpoint it has other weights")
	}
	bare := checkpoint(t, model, nil)
	want = nn.Fingerprint(model)
	if got := must(must(chain.LoadCheckpoint(d, bare)).Infer(1, 1)); nn.Fingerprint(got) != want {
		t.Error("from a checkpoint and a description it has other weights")
	}
	if _, err := chain.LoadCheckpoint("", checkpoint(t, model, []byte("{}"))); err == nil || !strings.Contains(err.Error(), "Describe") {
		t.Error(err)
	}
	// Of a GRU, whose parameters have other numbers of elements, it is refused.
	other := must(chain.Describe(chains()["tied"][0], must(lstm.New(lstm.Config{Input: 4, Hidden: 4}, rand.New(rand.NewPCG(1, 2)))).Infer(1, 1)))
	if _, err := chain.LoadCheckpoint(other, c); err == nil || !strings.Contains(err.Error(), "stage 1: the parameter") {
		t.Error(err)
	}
}

// checkpoint trains a model for a moment.
func checkpoint(t *testing.T, model *nn.Model, meta []byte) *bptt.Checkpoint {
	t.Helper()
	dir := t.TempDir()
	source := must(data.NewText([]byte("\x00\x01\x02\x03\x04\x01\x02\x00\x01\x02\x03\x04\x01\x02\x00\x01"), rows))
	if _, err := bptt.Train(t.Context(), model, source, bptt.Plan{
		Window: steps, Steps: 1, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LR: 0.1}, Checkpoint: bptt.Checkpoints{Dir: dir, Meta: meta},
	}); err != nil {
		t.Fatal(err)
	}
	c, err := bptt.ReadCheckpointFile(filepath.Join(dir, bptt.LastFile))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// strange is a stage of a program's own.
type strange struct{}

func (*strange) Dims() (steps, batch, in, out int) { return 0, 0, 1, 1 }

// What a file cannot say is refused by the place and the name, and nothing is written.
func TestStagesThatAreRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lin := must(nn.NewLinear(2, 2, r))
	half := must(nn.NewLinear(2, 1, r))
	half.Weight = lin.Weight[:2]
	short := must(nn.NewLinear(2, 2, r))
	short.Weight = short.Weight[:3]
	one, two := must(rnn.New(rnn.Config{Input: 2, Hidden: 2}, r)), (*nn.Linear)(nil)
	inner := must(nn.NewLearnedState(must(nn.Chain(one.Unroll(1, 1)))))
	for want, stages := range map[string][]nn.Stage{
		"no stages are given":                        nil,
		"stage 0: it is nil":                         {nil},
		"stage 1: the methods of this *nn.Linear":    {lin, two},
		"stage 1.0: a file has no kind for a":        {lin, nn.Sequential{&strange{}}},
		"share a part of their memory":               {lin, half},
		"its weight has 3 elements":                  {short},
		"is the zero Activation":                     {nn.Activation{}},
		"a LearnedState of a *nn.Model, want one of": {inner, lin},
	} {
		var b bytes.Buffer
		err := chain.Write(&b, nil, stages...)
		if e := new(chain.Error); !errors.As(err, &e) || !strings.Contains(err.Error(), want) || b.Len() > 0 {
			t.Errorf("%v, want %q; %d bytes are written", err, want, b.Len())
		}
	}
	if err := chain.Write(&bytes.Buffer{}, map[string]string{chain.Key: ""}, lin); err == nil || !strings.Contains(err.Error(), "leave it out") {
		t.Error(err)
	}
	name := filepath.Join(t.TempDir(), "none")
	if err := chain.WriteFile(name, nil, &strange{}); err == nil {
		t.Error("it is written")
	}
	if _, err := chain.Open(name); err == nil {
		t.Error("there is a file")
	}
	c := must(chain.Load(file(t, written(t, lin))))
	if _, err := c.Infer(-1, 1); err == nil {
		t.Error("a model of -1 steps")
	}
}

// hostile are descriptions that no chain of the tensors of base has, with what is said.
var hostile = map[string]string{
	``:                                `no JSON object`,
	`5`:                               `no JSON object`,
	`{"version":1,"stages":[]} {}`:    `more follows`,
	`{"version":2,"stages":[]}`:       `version 2, want 1`,
	`{"version":1,"stages":[],"x":1}`: `unknown field "x"`,
	`{"version":1,"stages":[5]}`:      `stage 0`,
	`{"version":1,"stages":[]}`:       `belongs to no stage`,
	`{"version":1,"stages":[{"kind":"attention"}]}`:                                                                                                     `its kind is "attention"`,
	`{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":true,"vocabulary":5}]}`:                                                              `unknown field "vocabulary"`,
	`{"version":1,"stages":[{"kind":"linear","in":3,"out":2,"bias":true}]}`:                                                                             `the shape [3 2], want [2 3]`,
	`{"version":1,"stages":[{"kind":"linear","in":-2,"out":-3,"bias":true}]}`:                                                                           `sizes of 1 and more`,
	`{"version":1,"stages":[{"kind":"linear","in":1000000000,"out":1000000000,"bias":true}]}`:                                                           `at most`,
	`{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":false}]}`:                                                                            `"0.bias" belongs to no stage`,
	`{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":true,"shared":{"weight":"0.weight"}}]}`:                                              `no parameter of a stage before`,
	`{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":true,"shared":{"gain":"0.weight"}}]}`:                                                `does not have`,
	`{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":true},{"kind":"linear","in":3,"out":3,"bias":true,"shared":{"weight":"0.weight"}}]}`: `6 elements, want the shape [3 3]`,
	`{"version":1,"stages":[{"kind":"embedding","vocabulary":3,"dim":2,"padding_id":7}]}`:                                                               `padding id 7`,
	`{"version":1,"stages":[{"kind":"activation","function":"Sin"}]}`:                                                                                   `no function "Sin"`,
	`{"version":1,"stages":[{"kind":"activation","function":"Elu"}]}`:                                                                                   `0 parameters of the function Elu, want 1`,
	`{"version":1,"stages":[{"kind":"lstm"}]}`:                                                                                                          `neither "config" nor`,
	`{"version":1,"stages":[{"kind":"lstm","layer_of":"7"}]}`:                                                                                           `no lstm before it`,
	`{"version":1,"stages":[{"kind":"lstm","config":{"Input":2,"Hidden":2}}]}`:                                                                          `there is no tensor "0.weight_`,
	`{"version":1,"stages":[{"kind":"lstm","config":{}}]}`:                                                                                              `want at least 1`,
	`{"version":1,"stages":[{"kind":"lstm","config":{"Size":1}}]}`:                                                                                      `"Size", which is no field of lstm.Config`,
	`{"version":1,"stages":[{"kind":"lstm","config":{"Workers":1}}]}`:                                                                                   `"Workers", which is no field`,
	`{"version":1,"stages":[{"kind":"lstm","config":{"Input":"2"}}]}`:                                                                                   `Input in its "config"`,
	`{"version":1,"stages":[{"kind":"lstm","config":{"Merge":"Max"}}]}`:                                                                                 `want one of`,
	`{"version":1,"stages":[{"kind":"lstm","config":{"GateActivation":{"function":"Gelu"}}}]}`:                                                          `no function "Gelu"`,
	`{"version":1,"stages":[{"kind":"sequential","stages":[{"kind":"linear"}]}]}`:                                                                       `stage 0.0`,
	`{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":true},{"kind":"dropout","p":2}]}`:                                                    `P`,
}

// base is the tensors of one Linear.
func base(t testing.TB, description string) []byte {
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{chain.Key: description},
		safetensors.Tensor{Name: "0.weight", Shape: []int{3, 2}, Data: make([]float32, 6)}, safetensors.Tensor{Name: "0.bias", Shape: []int{3}, Data: make([]float32, 3)}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDescriptionsThatAreRefused(t *testing.T) {
	if _, err := chain.Load(file(t, base(t, `{"version":1,"stages":[{"kind":"linear","in":2,"out":3,"bias":true}]}`))); err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat(`{"kind":"sequential","stages":[`, 20) + strings.Repeat(`]}`, 20)
	all := map[string]string{
		`{"version":1,"stages":[` + deep + `]}`:                                          "at most 16 levels",
		`{"version":1,"stages":[` + strings.Repeat(`{"kind":"pool_max"},`, 5000) + `5]}`: "more than 4096 stages",
	}
	for d, want := range hostile {
		all[d] = want
	}
	for d, want := range all {
		_, err := chain.Load(file(t, base(t, d)))
		if e := new(chain.Error); !errors.As(err, &e) || !strings.Contains(err.Error(), want) || len(err.Error()) > 1000 {
			t.Errorf("%.100s: %v, want %q", d, err, want)
		}
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Load(file(t, b.Bytes())); err == nil || !strings.Contains(err.Error(), "LoadTensors") {
		t.Error(err)
	}
}

// A description that declares much takes memory for what is there.
func TestMemoryIsThatOfTheTensors(t *testing.T) {
	for _, d := range []string{
		`{"version":1,"stages":[{"kind":"lstm","config":{"Input":2,"Hidden":200000000}}]}`,
		`{"version":1,"stages":[{"kind":"gru","config":{"Input":2,"Hidden":3,"Layers":200000000}}]}`,
		`{"version":1,"stages":[{"kind":"embedding","vocabulary":200000000,"dim":2}]}`,
		`{"version":1,"stages":[{"kind":"linear","in":2,"out":200000000,"bias":true}]}`,
		`{"version":1,"stages":[{"kind":"layer_norm","width":200000000}]}`,
	} {
		var b bytes.Buffer
		var tensors []safetensors.Tensor
		for _, name := range []string{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight"} {
			tensors = append(tensors, safetensors.Tensor{Name: "0." + name, Shape: []int{9, 3}, Data: make([]float32, 27)})
		}
		if err := safetensors.Write(&b, map[string]string{chain.Key: d}, tensors...); err != nil {
			t.Fatal(err)
		}
		f := file(t, b.Bytes())
		if n := numtest.Allocated(func() {
			if _, err := chain.Load(f); err == nil {
				t.Error("it is taken")
			}
		}); n > 1<<20 {
			t.Errorf("%s: %d bytes are allocated", d, n)
		}
	}
}

// FuzzLoad reads any description over the tensors of all chains. What is taken is written
// and read again with the same outputs.
func FuzzLoad(f *testing.F) {
	var all []safetensors.Tensor
	for name, stages := range chains() {
		var b bytes.Buffer
		if err := chain.Write(&b, nil, stages...); err != nil {
			f.Fatal(name, err)
		}
		g := file(f, b.Bytes())
		f.Add(g.Metadata()[chain.Key], true)
		for info := range g.All() {
			if !slices.ContainsFunc(all, func(t safetensors.Tensor) bool { return t.Name == info.Name }) {
				all = append(all, safetensors.Tensor{Name: info.Name, Shape: info.Shape, Data: must(g.Float32(info.Name))})
			}
		}
	}
	for d := range hostile {
		f.Add(d, false)
	}
	f.Fuzz(func(t *testing.T, d string, many bool) {
		tensors := all
		if !many {
			tensors = []safetensors.Tensor{{Name: "0.weight", Shape: []int{3, 2}, Data: make([]float32, 6)}, {Name: "0.bias", Shape: []int{3}, Data: make([]float32, 3)}}
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, map[string]string{chain.Key: d}, tensors...); err != nil {
			return // the description is no UTF-8
		}
		c, err := chain.Load(file(t, b.Bytes()))
		if err != nil {
			if e := new(chain.Error); !errors.As(err, &e) || len(err.Error()) > 2000 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		m := must(c.Infer(steps, rows))
		again := must(must(chain.Load(file(t, written(t, m)))).Infer(steps, rows))
		if !same(outputs(t, m), outputs(t, again)) {
			t.Fatal("written and read again it has other outputs")
		}
	})
}
