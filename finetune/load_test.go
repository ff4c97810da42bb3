package finetune_test

import (
	"errors"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/internal/numtest/traintest"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
)

var _ = []finetune.Tensors{(*safetensors.File)(nil), (*npy.Archive)(nil)}

// TestLoadFromFile: what SaveFile wrote comes back to the bit, with the shapes of PyTorch.
func TestLoadFromFile(t *testing.T) {
	net, other := traintest.LanguageModel(t, 1, traintest.Small), traintest.LanguageModel(t, 2, traintest.Small)
	name := filepath.Join(t.TempDir(), "net")
	require.NoError(t, finetune.SaveFile(name, net, map[string]string{"format": "pt"}))
	f, err := safetensors.Open(name)
	require.NoError(t, err)
	defer f.Close()
	shape, _, _ := f.Shape("0.weight")
	require.Equal(t, []int{13, 5}, shape)
	shape, _, _ = f.Shape("1.weight_hh_l0")
	require.Equal(t, []int{32, 8}, shape)
	shape, _, _ = f.Shape("2.bias")
	require.Equal(t, []int{13}, shape)
	report, err := finetune.Load(other, f, finetune.Options{})
	require.NoError(t, err)
	require.Equal(t, finetune.Report{Matched: traintest.ParamNames(net)}, report)
	require.Equal(t, nn.Fingerprint(net), nn.Fingerprint(other))
}

// TestLoadAnotherReadout: a network with a readout of another width takes all but that,
// and says so; without Partial it takes nothing.
func TestLoadAnotherReadout(t *testing.T) {
	old := traintest.LanguageModel(t, 1, traintest.Small)
	from := traintest.Must(finetune.FromNet(old))
	r := traintest.Rng(5)
	emb, out := traintest.Must(nn.NewEmbedding(13, 5, r)), traintest.Must(nn.NewLinear(8, 4, r))
	layer := traintest.Must(lstm.New(lstm.Config{Input: 5, Hidden: 8}, r))
	net := traintest.Must(nn.Chain(emb, layer.Unroll(6, 3), out))
	before := values(net)

	report, err := finetune.Load(net, from, finetune.Options{})
	require.EqualError(t, err, `finetune: tensor "2.weight" has shape [13 8], parameter 2.weight wants [4 8]; give a Rename to take another tensor, or set Options.Partial to leave the parameter as it is`)
	require.Equal(t, []string{"2.weight"}, report.Misfit)
	require.Equal(t, before, values(net))

	report, err = finetune.Load(net, from, finetune.Options{Partial: true})
	require.NoError(t, err)
	require.Equal(t, finetune.Report{
		Matched: []string{"0.weight", "1.weight_ih_l0", "1.weight_hh_l0", "1.bias_ih_l0", "1.bias_hh_l0"},
		Misfit:  []string{"2.weight", "2.bias"},
	}, report)
	require.Equal(t, "matched: 0.weight, 1.weight_ih_l0, 1.weight_hh_l0, 1.bias_ih_l0, 1.bias_hh_l0\nof another shape: 2.weight, 2.bias", report.String())
	for name, w := range values(net) {
		if strings.HasPrefix(name, "2.") {
			require.Equal(t, before[name], w, name)
		} else {
			require.Equal(t, values(old)[name], w, name)
		}
	}
}

// TestLoadByOtherNames: a layer alone takes what a model calls "1.".
func TestLoadByOtherNames(t *testing.T) {
	from := traintest.Must(finetune.FromNet(traintest.LanguageModel(t, 1, traintest.Small)))
	net := traintest.Unrolled(5, 8, 6, 3)
	before := values(net)
	_, err := finetune.Load(net, from, finetune.Options{})
	require.ErrorContains(t, err, "finetune: no tensor for 4 of 4 parameters, the first is weight_ih_l0; give a Rename")
	_, err = finetune.Load(net, from, finetune.Options{Partial: true})
	require.ErrorContains(t, err, "finetune: none of 4 parameters has a tensor of its shape, the first is weight_ih_l0; tensors that no parameter takes: 0.weight, 1.weight_ih_l0")
	require.Equal(t, before, values(net))
	report, err := finetune.Load(net, from, finetune.Options{Rename: func(name string) string {
		if name == "bias_hh_l0" {
			return ""
		}
		return "1." + name
	}, Partial: true})
	require.NoError(t, err)
	require.Equal(t, finetune.Report{
		Matched: []string{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0"},
		Missing: []string{"bias_hh_l0"},
		Left:    []string{"0.weight", "1.bias_hh_l0", "2.weight", "2.bias"},
	}, report)
}

// damaged fails on one tensor, when it is read or when it is asked for its shape.
type damaged struct {
	finetune.Tensors
	shape, read string
}

func (d damaged) Shape(name string) ([]int, bool, error) {
	if name == d.shape {
		return nil, false, errors.New("damaged")
	}
	return d.Tensors.Shape(name)
}

func (d damaged) Read(dst []float32, name string) error {
	if name == d.read {
		return errors.New("damaged")
	}
	return d.Tensors.Read(dst, name)
}

func (d damaged) Names() iter.Seq[string] { return d.Tensors.Names() }

// TestLoadOfDamagedTensors changes nothing, not even parameters before the bad one.
func TestLoadOfDamagedTensors(t *testing.T) {
	from := traintest.Must(finetune.FromNet(traintest.LanguageModel(t, 1, traintest.Small)))
	net := traintest.LanguageModel(t, 2, traintest.Small)
	before := values(net)
	for _, d := range []damaged{{from, "2.bias", ""}, {from, "", "2.bias"}} {
		for _, partial := range []bool{false, true} {
			_, err := finetune.Load(net, d, finetune.Options{Partial: partial})
			require.EqualError(t, err, `finetune: tensor "2.bias" for parameter 2.bias: damaged`)
			require.Equal(t, before, values(net))
		}
	}
}
