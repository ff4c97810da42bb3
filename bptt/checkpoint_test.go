package bptt_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/traintest"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/optim"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/internal/wire"
	"github.com/simdrnn/simdrnn/lstm"
)

// TestResumeIsExact stops runs at every step of an epoch and more, saves, and
// goes on in a new trainer from the bytes: weights, losses and what a further
// checkpoint holds are the same bits as without the stop.
func TestResumeIsExact(t *testing.T) {
	const total = 14
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			run := func(steps int64, from []byte) (net nn.Net, losses []float64, file []byte) {
				net, trainer := setup(t, bptt.Plan{Steps: steps, Checkpoint: bptt.Checkpoints{Meta: []byte("meta")}, OnStep: func(p bptt.Progress) error {
					losses = append(losses, p.Loss)
					return nil
				}})
				if from != nil {
					c, err := bptt.ReadCheckpoint(bytes.NewReader(from))
					require.NoError(t, err)
					require.Equal(t, "meta", string(c.Meta))
					require.NoError(t, trainer.Resume(c))
				}
				_, err := trainer.Run(context.Background())
				require.NoError(t, err)
				var b bytes.Buffer
				require.NoError(t, trainer.Save(&b))
				return net, losses, b.Bytes()
			}
			whole, losses, want := run(total, nil)
			for stop := int64(1); stop < total; stop++ {
				_, first, file := run(stop, nil)
				net, second, got := run(total, file)
				require.Equal(t, losses, append(first, second...), "stopped at %d", stop)
				require.Equal(t, nn.Fingerprint(whole), nn.Fingerprint(net), "stopped at %d", stop)
				require.True(t, bytes.Equal(want, got), "stopped at %d: the last checkpoints differ", stop)
			}
		})
	}
}

// TestResumeRefuses everything that does not fit, and leaves the trainer as if
// nothing had been tried.
func TestResumeRefuses(t *testing.T) {
	save := func(setup string, p bptt.Plan) *bptt.Checkpoint {
		p.Steps = 3
		_, trainer := setups[setup](t, p)
		_, err := trainer.Run(context.Background())
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, trainer.Save(&b))
		c, err := bptt.ReadCheckpoint(&b)
		require.NoError(t, err)
		require.Equal(t, int64(3), c.Step)
		return c
	}
	_, reference := setups["stream"](t, bptt.Plan{})
	var want bytes.Buffer
	require.NoError(t, reference.Save(&want))

	_, trainer := setups["stream"](t, bptt.Plan{})
	var shape *bptt.ShapeError
	var missing *bptt.MissingError
	err := trainer.Resume(save("tied", bptt.Plan{}))
	require.ErrorAs(t, err, &shape)
	require.Equal(t, "param/0.weight", shape.Section)
	err = trainer.Resume(save("sequences", bptt.Plan{}))
	require.ErrorAs(t, err, &missing)
	require.ErrorContains(t, trainer.Resume(save("sgd", bptt.Plan{})), `"sgd"`)
	require.Error(t, trainer.Resume(save("adamw", bptt.Plan{})))
	require.Error(t, trainer.Resume(save("overlapping", bptt.Plan{})), "windows of another kind")

	other := traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 6, Batch: 3}
	for name, source := range map[string]data.Source{
		"another text":     traintest.TextData(t, 101, other),
		"no position":      traintest.Never{},
		"only half a pair": half{},
	} {
		net := traintest.LanguageModel(t, 9, other)
		before := traintest.Weights(net)
		tr, err := bptt.NewTrainer(net, source, plan(bptt.Plan{}))
		require.NoError(t, err)
		require.Error(t, tr.Resume(save("stream", bptt.Plan{})), name)
		numtest.Equal(t, traintest.Weights(net), before)
	}
	var got bytes.Buffer
	require.NoError(t, trainer.Save(&got))
	require.True(t, bytes.Equal(want.Bytes(), got.Bytes()), "a refused checkpoint left traces")

	_, noPosition := bptt.NewTrainer(traintest.NewLeaky(6, 1), traintest.Never{}, plan(bptt.Plan{}))
	require.NoError(t, noPosition)
	tr, err := bptt.NewTrainer(traintest.NewLeaky(6, 1), traintest.Never{}, plan(bptt.Plan{}))
	require.NoError(t, err)
	require.ErrorContains(t, tr.Save(&got), "MarshalBinary")
}

// forge returns a checkpoint whose sections edit has changed, undamaged.
func forge(t *testing.T, file []byte, edit func(s *wire.Section)) []byte {
	t.Helper()
	f, err := wire.NewReader(bytes.NewReader(file), "bptt.training", 3)
	require.NoError(t, err)
	var b bytes.Buffer
	w := wire.NewWriter(&b, "bptt.training", 3)
	for {
		s, err := f.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		edit(s)
		switch s.Type {
		case wire.Byte:
			w.Bytes(s.Name, s.Bytes)
		case wire.Float32:
			w.Float32(s.Name, s.Float32, s.Shape...)
		case wire.Float64:
			w.Float64(s.Name, s.Float64, s.Shape...)
		case wire.Int64:
			w.Int64(s.Name, s.Int64, s.Shape...)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

type half struct{ traintest.Never }

func (half) MarshalBinary() ([]byte, error) { return nil, nil }

// TestDamagedCheckpoints: cut or flipped anywhere, a checkpoint is refused.
func TestDamagedCheckpoints(t *testing.T) {
	_, trainer := setups["overlapping"](t, bptt.Plan{Steps: 4, Checkpoint: bptt.Checkpoints{Meta: []byte("m")}})
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "model")
	require.NoError(t, trainer.SaveFile(name))
	file, err := os.ReadFile(name)
	require.NoError(t, err)
	var format *bptt.FormatError
	for n := 0; n < len(file); n += 1 + n/97 {
		_, err := bptt.ReadCheckpoint(bytes.NewReader(file[:n]))
		require.ErrorAs(t, err, &format, "cut to %d", n)
		bad := bytes.Clone(file)
		bad[n] ^= 1 << (n % 8)
		_, err = bptt.ReadCheckpoint(bytes.NewReader(bad))
		require.ErrorAs(t, err, &format, "byte %d", n)
	}
	require.NoError(t, os.WriteFile(name, append(file, 'x'), 0o666))
	_, err = bptt.ReadCheckpointFile(name)
	require.ErrorAs(t, err, &format)
	_, err = bptt.ReadCheckpointFile(name + "2")
	require.ErrorIs(t, err, os.ErrNotExist)

	layer, err := lstm.NewZero(lstm.Config{Input: 2, Hidden: 2})
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = layer.WriteTo(&b)
	require.NoError(t, err)
	_, err = bptt.ReadCheckpoint(&b)
	var kind *bptt.KindError
	require.ErrorAs(t, err, &kind)
}

// goldenRun is the run of the golden checkpoint: overlapping windows, a schedule with a state,
// a rate that the program has changed, validations of which one is the best.
func goldenRun(t *testing.T, steps int64) (nn.Net, *bptt.Trainer) {
	adam := &optim.Adam{LR: 1e-2}
	return setups["overlapping"](t, bptt.Plan{
		Steps: steps, Optimizer: adam, Schedule: &falling{rate: 1},
		Checkpoint: bptt.Checkpoints{Meta: []byte("golden")},
		Validate: bptt.Validate{
			Data:       traintest.TextData(t, 60, traintest.Sizes{Vocabulary: 13, Batch: 3}),
			EverySteps: 2, EveryEpochs: 1, RestoreBest: true, Patience: 50,
		},
		OnStep: func(p bptt.Progress) error {
			if p.Step == 3 {
				adam.LR = 8e-3
			}
			return nil
		},
	})
}

// TestGoldenCheckpoint reads a file of version 3 and goes on from it. Files that
// exist must stay readable: a change of the format takes a new version and a
// new golden file beside this one.
func TestGoldenCheckpoint(t *testing.T) {
	name := filepath.Join("testdata", "checkpoint.v3")
	_, trainer := goldenRun(t, 5)
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, trainer.Save(&b))
	if *update {
		require.NoError(t, os.WriteFile(name, b.Bytes(), 0o666))
	}
	file, err := os.ReadFile(name)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, b.Bytes()), "a checkpoint of this run has other bytes than version 3")

	c, err := bptt.ReadCheckpointFile(name)
	require.NoError(t, err)
	require.Equal(t, "golden", string(c.Meta))
	net, resumed := goldenRun(t, 9)
	require.NoError(t, resumed.Resume(c))
	_, err = resumed.Run(context.Background())
	require.NoError(t, err)
	whole, all := goldenRun(t, 9)
	_, err = all.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(nn.Fingerprint(whole)), fmt.Sprint(nn.Fingerprint(net)))
}

// TestGoldenCheckpointOfVersion2 goes on from the file that version 2 wrote, of the same
// run without what version 3 has added.
func TestGoldenCheckpointOfVersion2(t *testing.T) {
	name := filepath.Join("testdata", "checkpoint.v2")
	c, err := bptt.ReadCheckpointFile(name)
	require.NoError(t, err)
	require.Equal(t, []any{"golden", int64(5), int64(0)}, []any{string(c.Meta), c.Step, c.Skipped})
	net, resumed := setups["overlapping"](t, bptt.Plan{Steps: 9})
	require.NoError(t, resumed.Resume(c))
	_, err = resumed.Run(context.Background())
	require.NoError(t, err)
	whole, all := setups["overlapping"](t, bptt.Plan{Steps: 9})
	_, err = all.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(nn.Fingerprint(whole)), fmt.Sprint(nn.Fingerprint(net)))

	// Rates and schedules are those of the plan.
	adam := &optim.Adam{LR: 3e-2}
	schedule := &falling{rate: 0.5}
	_, resumed = setups["overlapping"](t, bptt.Plan{Steps: 9, Optimizer: adam, Schedule: schedule, Validate: seldom})
	require.NoError(t, resumed.Resume(c))
	require.Equal(t, []float64{3e-2, 0.5}, []float64{adam.LR, schedule.rate})
}

// TestGoldenCheckpointOfVersion1 reads the file that version 1 wrote for the run of
// TestGoldenCheckpointOfVersion2. Its second moments become their roots, correctly rounded,
// everything else is as it stands there, and the run goes on.
func TestGoldenCheckpointOfVersion1(t *testing.T) {
	name := filepath.Join("testdata", "checkpoint.v1")
	file, err := wire.ReadFile(name, "bptt.training", 1)
	require.NoError(t, err)
	c, err := bptt.ReadCheckpointFile(name)
	require.NoError(t, err)
	require.Equal(t, int64(5), c.Step)
	adam := &optim.Adam{LR: 1e-2}
	net, resumed := setups["overlapping"](t, bptt.Plan{Steps: 9, Optimizer: adam})
	require.NoError(t, resumed.Resume(c))

	s := adam.State()
	require.Equal(t, "adam-root", s.Kind)
	numbers, err := file.Float64("optimizer/numbers", 3)
	require.NoError(t, err)
	require.Equal(t, numbers, s.Numbers)
	moved := false
	for i, got := range s.Tensors {
		want, err := file.Float32("optimizer/"+strconv.Itoa(i), len(got))
		require.NoError(t, err)
		for j, v := range want {
			if i >= len(s.Tensors)/2 {
				want[j] = float32(math.Sqrt(float64(v)))
				moved = moved || v > 0
			}
		}
		numtest.Equal(t, got, want, "tensor %d", i)
	}
	require.True(t, moved, "no second moment in the file is above 0")
	net.EachParam(func(name string, w, g []float32) {
		want, err := file.Float32("param/"+name, len(w))
		require.NoError(t, err)
		numtest.Equal(t, w, want, "%s", name)
	})

	// The run differs from one of this version by roundings: less than a thousandth of
	// the learning rate, which is the size of a step.
	_, err = resumed.Run(context.Background())
	require.NoError(t, err)
	whole, all := setups["overlapping"](t, bptt.Plan{Steps: 9})
	_, err = all.Run(context.Background())
	require.NoError(t, err)
	for i, w := range traintest.Weights(whole) {
		require.InDelta(t, w, traintest.Weights(net)[i], 1e-2/1000)
	}
}

// A state with second moments, kept by a program of its own, is not taken for one
// with their roots.
func TestOldStatesOfAdamAreConverted(t *testing.T) {
	param := nn.Param{Name: "w", W: []float32{1, 2}, G: []float32{1, 1}}
	old := [][]float32{{0.5, -0.5}, {2, 0.25}}
	for kind, o := range map[string]optim.Optimizer{"adam": &optim.Adam{LR: 1e-3}, "adamw": &optim.AdamW{LR: 1e-3}} {
		require.NoError(t, o.Init([]nn.Param{param}))
		require.NoError(t, o.SetState(optim.State{Kind: kind, Numbers: []float64{3, 0.7, 0.9}, Tensors: old}))
		s := o.State()
		require.Equal(t, [][]float32{{0.5, -0.5}, {math.Sqrt2, 0.5}}, s.Tensors)
		require.NoError(t, o.SetState(s), "a state of today is taken as it is")
		require.Equal(t, [][]float32{{0.5, -0.5}, {math.Sqrt2, 0.5}}, o.State().Tensors)
		require.Equal(t, [][]float32{{0.5, -0.5}, {2, 0.25}}, old, "the state that was given has changed")
	}
	o := &optim.Adam{LR: 1e-3}
	require.NoError(t, o.Init([]nn.Param{param}))
	require.ErrorContains(t, o.SetState(optim.State{Kind: "adamw", Numbers: []float64{3, 0.7, 0.9}, Tensors: old}), `"adamw-root"`)
}

// TestCheckpointParams fills a net for inference, of other steps and rows than
// the one that was trained.
func TestCheckpointParams(t *testing.T) {
	trained, trainer := setups["stream"](t, bptt.Plan{Steps: 4})
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, trainer.Save(&b))
	c, err := bptt.ReadCheckpoint(&b)
	require.NoError(t, err)
	net := traintest.LanguageModel(t, 77, traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 2, Steps: 1, Batch: 1})
	require.NoError(t, c.Params(net))
	require.Equal(t, nn.Fingerprint(trained), nn.Fingerprint(net))
	fewer := traintest.LanguageModel(t, 77, traintest.Sizes{Vocabulary: 13, Embed: 5, Hidden: 8, Layers: 1, Steps: 1, Batch: 1})
	before := traintest.Weights(fewer)
	require.ErrorContains(t, c.Params(fewer), "param")
	numtest.Equal(t, traintest.Weights(fewer), before)
}

// An optimizer of one's own may have any kind, that of an old state of Adam too: its
// checkpoints are its own business.
func TestOptimizerOfTheNameOfAnOldOne(t *testing.T) {
	plan := func() bptt.Plan {
		return bptt.Plan{Window: 3, Steps: 2, Optimizer: &namesake{SGD: &optim.SGD{LR: 0.1, Momentum: 0.5}}, Loss: loss.CrossEntropy{}}
	}
	net, trainer := onText(t, plan(), 3, 3, false)
	_, err := trainer.Run(context.Background())
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, trainer.Save(&file))
	c, err := bptt.ReadCheckpoint(&file)
	require.NoError(t, err)
	other, resumed := onText(t, plan(), 3, 3, false)
	require.NoError(t, resumed.Resume(c))
	require.Equal(t, nn.Fingerprint(net), nn.Fingerprint(other))
}

// namesake is SGD with a state of the kind that Adam's once had.
type namesake struct{ *optim.SGD }

func (o *namesake) State() optim.State {
	s := o.SGD.State()
	s.Kind = "adam"
	return s
}

func (o *namesake) SetState(s optim.State) error {
	s.Kind = "sgd"
	return o.SGD.SetState(s)
}

func onReportedTwice(t *testing.T, p bptt.Plan) (nn.Net, *bptt.Trainer) {
	p.Window, p.Stride, p.Loss, p.Accumulate = 4, 3, loss.MSE{}, 2
	p.Optimizer = &optim.Adam{LR: 1e-2}
	net := traintest.NewAffine(4)
	trainer, err := bptt.NewTrainer(net, &traintest.Script{N: 17}, p)
	require.NoError(t, err)
	return net, trainer
}

// A program that has no net of the checkpoint sees what is in it.
func TestCheckpointIsLookedInto(t *testing.T) {
	c, err := bptt.ReadCheckpointFile("testdata/checkpoint.v3")
	require.NoError(t, err)
	net, _ := goldenRun(t, 5)
	require.NoError(t, c.Params(net))
	params, err := nn.Params(net)
	require.NoError(t, err)
	i := 0
	c.EachParam(func(name string, w []float32) {
		require.Equal(t, params[i].Name, name)
		require.Equal(t, params[i].W, w)
		i++
	})
	require.Len(t, params, i)
	require.Equal(t, "adam-root", c.Optimizer())
	require.True(t, c.HasBest())

	plain, err := bptt.ReadCheckpointFile("testdata/checkpoint.v1")
	require.NoError(t, err)
	require.Equal(t, "adam", plain.Optimizer())
	require.False(t, plain.HasBest())
}
