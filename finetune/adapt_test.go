package finetune_test

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"
)

var matrices = finetune.LowRank{Match: []string{"*.weight*"}, Train: []string{"*.bias"}, Rank: 3, Alpha: 5}

func adapted(t *testing.T, seed uint64, s traintest.Sizes, how finetune.LowRank) (*nn.Model, *finetune.Adapted) {
	t.Helper()
	net := traintest.LanguageModel(t, seed, s)
	return net, traintest.Must(finetune.Adapt(net, how, traintest.Rng(9)))
}

func plan(steps int64) bptt.Plan {
	return bptt.Plan{Window: 6, Steps: steps, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LR: 1e-2}, ClipNorm: 1}
}

// values are the parameters of a net by name.
func values(net nn.Net) map[string][]float32 {
	m := map[string][]float32{}
	for _, p := range traintest.Must(nn.Params(net)) {
		m[p.Name] = append([]float32(nil), p.W...)
	}
	return m
}

// TestAdaptBeginsWithTheNet: B is zero at first, so nothing is computed otherwise, and the
// parameters are the adapters and what Train names.
func TestAdaptBeginsWithTheNet(t *testing.T) {
	plain := traintest.LanguageModel(t, 1, traintest.Small)
	net, a := adapted(t, 1, traintest.Small, matrices)
	require.Equal(t, []string{
		"0.weight.lora_A", "0.weight.lora_B", "1.weight_ih_l0.lora_A", "1.weight_ih_l0.lora_B",
		"1.weight_hh_l0.lora_A", "1.weight_hh_l0.lora_B", "2.weight.lora_A", "2.weight.lora_B", "2.bias",
	}, traintest.ParamNames(a))
	require.Equal(t, []int{3, 8}, nn.Shapes(a)["1.weight_hh_l0.lora_A"])
	require.Equal(t, []int{32, 3}, nn.Shapes(a)["1.weight_hh_l0.lora_B"])
	require.Equal(t, nn.Fingerprint(plain), a.Base())
	ids := traintest.DrawIDs(traintest.Rng(3), 6*3, 13)
	want, got := make([]float32, 6*3*13), make([]float32, 6*3*13)
	require.NoError(t, plain.ForwardIDs(want, ids))
	require.NoError(t, a.ForwardIDs(got, ids))
	require.Equal(t, want, got)
	require.Equal(t, nn.Fingerprint(plain), nn.Fingerprint(net))
}

func flush(v float32) float32 {
	if math.Abs(float64(v)) < 0x1p-100 {
		return 0
	}
	return v
}

// chain is the sum over k of a(k)*b(k), one rounding a step, from +0.
func chain(n int, a, b func(k int) float32) float32 {
	sum := float32(0)
	for k := range n {
		sum = kernels.FMA(a(k), b(k), sum)
	}
	return sum
}

// TestProductsOfAdapters: the matrices and both gradients are the chains that the
// documentation says, to the bit, on every tier and number of workers, and a second
// Backward adds to the first.
func TestProductsOfAdapters(t *testing.T) {
	const rank = 3
	scale := float32(5.0 / 3)
	s := traintest.Sizes{Vocabulary: 29, Embed: 5, Hidden: 17, Layers: 1, Steps: 6, Batch: 3}
	numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
		for _, workers := range []int{1, 3} {
			net, a := adapted(t, 1, s, matrices)
			a.SetWorkers(workers)
			base := values(net)
			params := map[string]nn.Param{}
			for i, p := range traintest.Must(nn.Params(a)) {
				copy(p.W, traintest.NumbersLike(len(p.W), uint64(i)))
				params[p.Name] = p
			}
			// plain is the same net with the matrices that adapters should give it.
			plain, shapes := traintest.LanguageModel(t, 1, s), nn.Shapes(net)
			for _, p := range traintest.Must(nn.Params(plain)) {
				A, adapts := params[p.Name+".lora_A"]
				if !adapts {
					copy(p.W, values(net)[p.Name])
					continue
				}
				B, in := params[p.Name+".lora_B"], shapes[p.Name][1]
				for i := range p.W {
					p.W[i] = base[p.Name][i] + chain(rank, func(k int) float32 { return float32(B.W[i/in*rank+k] * scale) }, func(k int) float32 { return A.W[k*in+i%in] })
				}
			}
			ids, dy := traintest.DrawIDs(traintest.Rng(3), 6*3, 29), traintest.NumbersLike(6*3*29, 5)
			y, want := make([]float32, len(dy)), map[string][]float32{}
			for range 2 {
				require.NoError(t, a.ForwardIDs(y, ids))
				a.Backward(nil, dy)
				plain.ZeroGrads()
				require.NoError(t, plain.ForwardIDs(y, ids))
				plain.Backward(nil, dy)
				require.Equal(t, values(plain), values(net))
				for _, p := range traintest.Must(nn.Params(plain)) {
					A, adapts := params[p.Name+".lora_A"]
					if !adapts {
						continue
					}
					B, out, in := params[p.Name+".lora_B"], shapes[p.Name][0], shapes[p.Name][1]
					add := func(name string, i int, sum float32) {
						if want[name] == nil {
							want[name] = make([]float32, len(params[name].W))
						}
						want[name][i] = flush(want[name][i] + flush(float32(flush(sum)*scale)))
					}
					for i := range B.W {
						add(B.Name, i, chain(in, func(j int) float32 { return p.G[i/rank*in+j] }, func(j int) float32 { return A.W[i%rank*in+j] }))
					}
					for i := range A.W {
						add(A.Name, i, chain(out, func(j int) float32 { return B.W[j*rank+i/in] }, func(j int) float32 { return p.G[j*in+i%in] }))
					}
				}
			}
			for name, g := range want {
				require.Equal(t, g, params[name].G, name)
			}
			a.ZeroGrads()
			for name, p := range params {
				require.Equal(t, make([]float32, len(p.G)), p.G, name)
			}
		}
	})
}

// TestAdaptersLearn, and nothing else moves; Merge leaves the net with the weights that
// were trained, Remove with those it had, and a file brings the adapters back.
func TestAdaptersLearn(t *testing.T) {
	net, a := adapted(t, 1, traintest.Small, matrices)
	before := values(net)
	text := traintest.TextData(t, 600, traintest.Small)
	first, _, err := bptt.Evaluate(context.Background(), a, text, loss.CrossEntropy{})
	require.NoError(t, err)
	_, err = bptt.Train(context.Background(), a, text, plan(150))
	require.NoError(t, err)
	last, _, err := bptt.Evaluate(context.Background(), a, text, loss.CrossEntropy{})
	require.NoError(t, err)
	require.Less(t, last, 0.9*first)

	file := filepath.Join(t.TempDir(), "adapters.safetensors")
	require.NoError(t, a.SaveFile(file))
	require.Equal(t, nn.Net(net), a.Merge())
	require.Equal(t, nn.Net(net), a.Net())
	merged := values(net)
	same, _, err := bptt.Evaluate(context.Background(), net, text, loss.CrossEntropy{})
	require.NoError(t, err)
	require.Equal(t, last, same)
	a.Remove()
	for name, w := range values(net) {
		switch {
		case name == "2.bias":
			require.NotEqual(t, before[name], w, name)
		case strings.Contains(name, "bias"):
			require.Equal(t, before[name], merged[name], name)
			fallthrough
		default:
			require.Equal(t, before[name], w, name)
		}
	}

	again, b := adapted(t, 1, traintest.Small, matrices)
	require.NoError(t, b.LoadFile(file))
	b.Apply()
	require.Equal(t, merged, values(again))
}

// TestAdaptersTakeTurns: adapters of two tasks on one net, of different matrices, compute and
// learn what each does on a net of its own, if the other one is removed before its turn.
func TestAdaptersTakeTurns(t *testing.T) {
	tasks := []finetune.LowRank{
		{Match: []string{"1.weight_*"}, Rank: 2},
		{Match: []string{"0.weight", "1.weight_hh_l0"}, Rank: 3},
	}
	learn := func(a *finetune.Adapted) {
		_, err := bptt.Train(context.Background(), a, traintest.TextData(t, 600, traintest.Small), plan(5))
		require.NoError(t, err)
	}
	ids := traintest.DrawIDs(traintest.Rng(3), 6*3, 13)
	outputs := func(a *finetune.Adapted) []float32 {
		y := make([]float32, 6*3*13)
		a.Reset()
		require.NoError(t, a.ForwardIDs(y, ids))
		return y
	}
	net := traintest.LanguageModel(t, 1, traintest.Small)
	var turns []*finetune.Adapted
	for _, how := range tasks {
		a := traintest.Must(finetune.Adapt(net, how, traintest.Rng(9)))
		learn(a)
		a.Remove()
		turns = append(turns, a)
	}
	require.Equal(t, turns[0].Base(), turns[1].Base())
	require.Equal(t, turns[0].Base(), nn.Fingerprint(net))
	for range 2 {
		for i, how := range tasks {
			_, alone := adapted(t, 1, traintest.Small, how)
			learn(alone)
			require.Equal(t, values(alone), values(turns[i]))
			require.Equal(t, outputs(alone), outputs(turns[i]))
			turns[i].Remove()
		}
	}

	// Where Merge has left one in place, the next begins with what it has learned.
	stacked := traintest.Must(finetune.Adapt(turns[0].Merge(), tasks[1], traintest.Rng(9)))
	require.NotEqual(t, turns[0].Base(), stacked.Base())
	_, alone := adapted(t, 1, traintest.Small, tasks[0])
	learn(alone)
	require.Equal(t, outputs(alone), outputs(stacked))
}

// TestAdaptersResume: a checkpoint has what is trained alone, and the run that continues
// from it ends with the same bits, with random masks too.
func TestAdaptersResume(t *testing.T) {
	s := traintest.Small
	s.Masks, s.Layers = true, 2
	trainer := func(steps int64) (*finetune.Adapted, *bptt.Trainer) {
		_, a := adapted(t, 1, s, matrices)
		return a, traintest.Must(bptt.NewTrainer(a, traintest.TextData(t, 600, s), plan(steps)))
	}
	whole, run := trainer(9)
	_, err := run.Run(context.Background())
	require.NoError(t, err)
	_, run = trainer(4)
	_, err = run.Run(context.Background())
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, run.Save(&file))
	rest, run := trainer(9)
	require.NoError(t, run.Resume(traintest.Must(bptt.ReadCheckpoint(&file))))
	_, err = run.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, values(whole), values(rest))
	rest.Apply()
	whole.Apply()
	require.Equal(t, nn.Fingerprint(whole.Net()), nn.Fingerprint(rest.Net()))
}

// TestAdaptersOfSharedWeights: a tied readout and a layer in two stages have one adapter,
// whose gradient is that of the sum.
func TestAdaptersOfSharedWeights(t *testing.T) {
	s := traintest.Sizes{Vocabulary: 13, Embed: 8, Hidden: 8, Layers: 1, Steps: 6, Batch: 3, Tied: true, Twice: true}
	net, a := adapted(t, 1, s, finetune.LowRank{Match: []string{"*weight*"}, Rank: 2})
	require.Equal(t, []string{"0.weight.lora_A", "0.weight.lora_B", "1.weight_ih_l0.lora_A", "1.weight_ih_l0.lora_B",
		"1.weight_hh_l0.lora_A", "1.weight_hh_l0.lora_B"}, traintest.ParamNames(a))
	text := traintest.TextData(t, 600, s)
	report, err := bptt.Train(context.Background(), a, text, plan(60))
	require.NoError(t, err)
	first, err := bptt.Train(context.Background(), traintest.LanguageModel(t, 1, s), text, plan(1))
	require.NoError(t, err)
	require.Less(t, report.Loss, first.Loss)
	stale := values(net)
	p, err := a.NewPredictor(2)
	require.NoError(t, err)
	require.NotEqual(t, stale, values(net), "the last update came after the last Forward")
	y, z := make([]float32, 2*13), make([]float32, 2*13)
	require.NoError(t, p.(*nn.ModelPredictor).StepIDs(y, []int32{1, 2}))
	q := traintest.Must(net.Predictor(2))
	require.NoError(t, q.StepIDs(z, []int32{1, 2}))
	require.Equal(t, z, y)
}

// doubled reports the recurrent matrix in two places, the second with a gradient of ones.
type doubled struct {
	*lstm.Unrolled
	ones []float32
}

func (n *doubled) Backward(dx, dy []float32) {
	n.Unrolled.Backward(dx, dy)
	traintest.Fill(n.ones, 1)
}

func (n *doubled) EachParam(f func(string, []float32, []float32)) {
	n.Unrolled.EachParam(func(name string, w, g []float32) {
		f(name, w, g)
		if name == "weight_hh_l0" {
			f("again", w, n.ones)
		}
	})
}

// TestAdapterOfAMatrixInTwoPlaces: its gradient is that of the sum of both.
func TestAdapterOfAMatrixInTwoPlaces(t *testing.T) {
	gradient := func(ones []float32) []float32 {
		net := traintest.Unrolled(2, 3, 4, 1)
		var of nn.Net = net
		if ones != nil {
			of = &doubled{net, ones}
		}
		a := traintest.Must(finetune.Adapt(of, finetune.LowRank{Match: []string{"weight_hh_l0"}, Rank: 1}, traintest.Rng(1)))
		p := traintest.Must(nn.Params(a))
		traintest.Fill(p[0].W, 1)
		a.Forward(make([]float32, 4*3), traintest.NumbersLike(4*2, 2))
		a.Backward(nil, traintest.NumbersLike(4*3, 3))
		return p[1].G
	}
	with, without := gradient(make([]float32, 12*3)), gradient(nil)
	for i := range with {
		require.InDelta(t, without[i]+3, with[i], 1e-5, "a row of three ones more")
	}
}

func TestAdaptRefuses(t *testing.T) {
	net := traintest.LanguageModel(t, 1, traintest.Small)
	before := nn.Fingerprint(net)
	for want, how := range map[string]finetune.LowRank{
		"Rank 0, want at least 1": {Match: []string{"*"}},
		"Alpha -1":                {Match: []string{"*"}, Rank: 1, Alpha: -1},
		"Alpha NaN":               {Match: []string{"*"}, Rank: 1, Alpha: math.NaN()},
		"Alpha +Inf":              {Match: []string{"*"}, Rank: 1, Alpha: math.Inf(1)},
		"Alpha 1e-40 and Rank 1, whose quotient is":         {Match: []string{"*"}, Rank: 1, Alpha: 1e-40},
		"without a pattern in Match":                        {Rank: 1},
		`"[" of Match: syntax error`:                        {Match: []string{"["}, Rank: 1},
		`"*.bias" of Match matches no parameter that fits`:  {Match: []string{"*.bias"}, Rank: 1},
		`"3.*" of Train matches no parameter`:               {Match: []string{"*.weight"}, Train: []string{"3.*"}, Rank: 1},
		"parameter 2.weight is in Match and in Train, want": {Match: []string{"*.weight"}, Train: []string{"2.*"}, Rank: 1},
	} {
		_, err := finetune.Adapt(net, how, traintest.Rng(1))
		require.ErrorContains(t, err, want)
	}
	ok := finetune.LowRank{Match: []string{"*"}, Rank: 1}
	_, err := finetune.Adapt(net, ok, nil)
	require.ErrorContains(t, err, "nil *rand.Rand")
	_, err = finetune.Adapt((*nn.Model)(nil), ok, traintest.Rng(1))
	require.ErrorContains(t, err, "no net")
	inner := traintest.Must(finetune.Adapt(traintest.LanguageModel(t, 1, traintest.Small), ok, traintest.Rng(1)))
	_, err = finetune.Adapt(inner, ok, traintest.Rng(1))
	require.ErrorContains(t, err, "a net with adapters, whose own matrices are the factors of rank 1; give it the net that Merge returns")
	require.Equal(t, before, nn.Fingerprint(net))
	a := traintest.Must(finetune.Adapt(traintest.Unrolled(3, 4, 5, 2), ok, traintest.Rng(1)))
	require.PanicsWithValue(t, "finetune: ForwardIDs of an adapted *lstm.Unrolled that takes no ids, want Forward", func() { _ = a.ForwardIDs(nil, nil) })
	require.False(t, a.TakesIDs())
	require.False(t, a.TakesBatches())
	require.Nil(t, nn.OverBatches(a))
	require.PanicsWithValue(t, "finetune: ForwardBatch of an adapted *lstm.Unrolled that reads no whole batches, want Forward or ForwardIDs", func() { _ = a.ForwardBatch(nil, nil) })
	require.Nil(t, a.MaskState())
	require.Error(t, a.SetMaskState(nil))
	require.Error(t, a.SetClock(nil))
}

// TestFilesOfAdapters that belong to something else change nothing.
func TestFilesOfAdapters(t *testing.T) {
	dir := t.TempDir()
	_, a := adapted(t, 1, traintest.Small, matrices)
	file := filepath.Join(dir, "a")
	require.NoError(t, a.SaveFile(file))
	before := values(a)
	rank, alpha, less := matrices, matrices, matrices
	rank.Rank, rank.Alpha, alpha.Alpha, less.Match = 2, 2*5.0/3, 6, []string{"*.weight"}
	for want, other := range map[string]struct {
		seed uint64
		how  finetune.LowRank
	}{
		`base "`:    {2, matrices},
		`rank "2"`:  {1, rank},
		`alpha "6"`: {1, alpha},
		`lora_A" that is no parameter of these adapters`: {1, matrices},
	} {
		if strings.HasPrefix(want, "lora_A") {
			_, b := adapted(t, other.seed, traintest.Small, less)
			before := values(b)
			require.ErrorContains(t, b.LoadFile(file), want)
			require.Equal(t, before, values(b))
			continue
		}
		_, b := adapted(t, other.seed, traintest.Small, other.how)
		wrong := filepath.Join(dir, "b")
		require.NoError(t, b.SaveFile(wrong))
		require.ErrorContains(t, a.LoadFile(wrong), want)
	}
	require.NoError(t, finetune.SaveFile(filepath.Join(dir, "c"), a.Net(), nil))
	require.ErrorContains(t, a.LoadFile(filepath.Join(dir, "c")), `has kind ""`)
	require.Error(t, a.LoadFile(filepath.Join(dir, "none")))
	require.Equal(t, before, values(a))
	f, err := safetensors.Open(file)
	require.NoError(t, err)
	defer f.Close()
	shape, _, _ := f.Shape("2.weight.lora_B")
	require.Equal(t, []int{13, 3}, shape)
}

// TestValidationSeesTheLastUpdate: another net over the weights of the net that was adapted
// has, in a validation, the matrices by the adapters as they are now.
func TestValidationSeesTheLastUpdate(t *testing.T) {
	r, s := traintest.Rng(4), traintest.Small
	emb := traintest.Must(nn.NewEmbedding(s.Vocabulary, s.Embed, r))
	rnn := traintest.Must(lstm.New(lstm.Config{Input: s.Embed, Hidden: s.Hidden}, r))
	out := traintest.Must(nn.NewLinear(s.Hidden, s.Vocabulary, r))
	a := traintest.Must(finetune.Adapt(traintest.Must(nn.Chain(emb, rnn.Unroll(s.Steps, s.Batch), out)), matrices, r))
	infer := traintest.Must(nn.Chain(emb, rnn.Infer(s.Steps, s.Batch), out))
	var losses []float64
	p := plan(4)
	p.Validate = bptt.Validate{Data: traintest.TextData(t, 90, s), Net: infer, EverySteps: 1, OnValidate: func(v bptt.Validation) error {
		a.Apply()
		want, _, err := bptt.Evaluate(context.Background(), infer, traintest.TextData(t, 90, s), p.Loss)
		require.Equal(t, want, v.Loss)
		losses = append(losses, v.Loss)
		return err
	}}
	_, err := bptt.Train(context.Background(), a, traintest.TextData(t, 120, s), p)
	require.NoError(t, err)
	require.Len(t, losses, 4)
	require.NotEqual(t, losses[0], losses[1])

	p.Validate = bptt.Validate{EverySteps: 1, Measure: func(ctx context.Context) (float64, error) {
		before := values(infer)
		a.Apply()
		require.Equal(t, before, values(infer))
		return 0, nil
	}}
	p.Steps = 2
	_, err = bptt.Train(context.Background(), a, traintest.TextData(t, 120, s), p)
	require.NoError(t, err)
}
