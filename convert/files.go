package convert

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/convert/npy"
	"github.com/simdrnn/simdrnn/convert/safetensors"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/rnn"
)

// A File has tensors under names: a *safetensors.File, an *npy.Archive, or what a
// caller has written for another format.
type File interface {
	// Names are those of all tensors, in the order of the file.
	Names() iter.Seq[string]
	// Shape returns the shape of a tensor, whether there is one of that name, and what
	// is wrong with it where that keeps the shape from being known.
	Shape(name string) (shape []int, found bool, err error)
	// Check returns the error that Read has before it reads, such as that of a type
	// that does not become float32.
	Check(name string) error
	// Read sets dst, which has as many elements as the shape says, to those of the
	// tensor, row-major.
	Read(dst []float32, name string) error
}

// LoadLSTM makes the network that the tensors of f under the prefix are: those of a
// torch.nn.LSTM, as its state_dict names them. A prefix ends with a dot: "encoder.rnn."
// for the tensor "encoder.rnn.weight_ih_l0". The Config comes from the shapes
// (Inspect says how). The weights are read where they belong, so that they are in
// memory once. The Report has the names after the prefix.
//
// It returns an error if there is no LSTM under the prefix, if one of its tensors is
// missing, cannot be read or has another shape, and if there are parameters of such
// layers too many. Other tensors under the prefix are no obstacle: they are
// Report.Left.
//
// For a Config with what no file says, a dropout for further training or a number of
// workers, make a network of Found.LSTM with that and call FromSafetensors.
func LoadLSTM(f File, prefix string) (*lstm.Layer, Report, error) {
	return load(f, prefix, isLSTM, func(found Found) (*lstm.Layer, error) { return lstm.NewZero(found.LSTM()) })
}

// LoadGRU is LoadLSTM for a torch.nn.GRU.
func LoadGRU(f File, prefix string) (*gru.Layer, Report, error) {
	return load(f, prefix, isGRU, func(found Found) (*gru.Layer, error) { return gru.NewZero(found.GRU()) })
}

// LoadRNN is LoadLSTM for a torch.nn.RNN. No file says what its nonlinearity is,
// rnn.Tanh or rnn.ReLU: the caller does.
func LoadRNN(f File, prefix string, activation rnn.Activation) (*rnn.Layer, Report, error) {
	return load(f, prefix, isRNN, func(found Found) (*rnn.Layer, error) {
		cfg := found.RNN()
		cfg.Activation = activation
		return rnn.NewZero(cfg)
	})
}

// fromFile sets the weights of net to the tensors of f under the prefix.
func fromFile[N Network](net N, f File, prefix string) (Report, error) {
	n := viewForImport(net)
	if _, _, err := lookFor(f, prefix, n.cell); err != nil {
		return Report{}, err
	}
	report, err := n.fromPyTorch(&under{f, prefix})
	return report, wrapPrefix(f, prefix, err)
}

// toFile returns the parameters of net under PyTorch's names behind a prefix. Their
// Data is the memory of the parameters, but for a textbook's.
func toFile[N Network](net N, prefix, format string) ([]named, error) {
	n := view(net)
	if err := n.isPyTorch(); err != nil {
		return nil, wrap(format, err)
	}
	var list []named
	for i, p := range n.dirs {
		if n.textbook {
			p = n.export(i)
		}
		for _, t := range n.named(p) {
			t.name = prefix + t.name
			list = append(list, t)
		}
	}
	return list, nil
}

// load makes the network that was found under the prefix and reads its weights where
// they belong. Nothing is made for tensors that are not there as they should be.
func load[N Network](f File, prefix string, kind cell, create func(Found) (N, error)) (N, Report, error) {
	found, report, err := lookFor(f, prefix, kind)
	if err != nil {
		return nil, report, err
	}
	if found.Err != nil {
		return nil, report, wrapPrefix(f, prefix, found.Err)
	}
	net, err := create(found)
	if err != nil {
		return nil, report, wrapPrefix(f, prefix, err)
	}
	n := view(net)
	if err := n.isPyTorch(); err != nil {
		return nil, report, wrapPrefix(f, prefix, err)
	}
	if err := n.read(&under{f, prefix}, n.dirs); err != nil {
		return nil, report, wrapPrefix(f, prefix, err)
	}
	return net, report, nil
}

// lookFor returns what there is under the prefix, and an error unless that is a layer
// of the kind.
func lookFor(f File, prefix string, kind cell) (Found, Report, error) {
	found, report := describe(f, prefix)
	if found.Kind == string(kind) {
		return found, report, nil
	}
	what := "no recurrent layer"
	switch {
	case found.Kind != "":
		what = "a layer of the kind " + found.Kind
	case found.Layers > 0:
		return found, report, wrapPrefix(f, prefix, found.Err)
	}
	// Whoever asks for the wrong prefix sees the right one.
	all, err := Inspect(f)
	if err != nil {
		return found, report, err
	}
	const most = 5
	has := ""
	for i, other := range all[:min(len(all), most)] {
		has += fmt.Sprintf("%s%.100q %s", []string{"", ", "}[min(i, 1)], other.Prefix, cmp.Or(other.Kind, "unknown"))
	}
	if len(all) > most {
		has += fmt.Sprintf(" and %d more", len(all)-most)
	}
	return found, report, wrapPrefix(f, prefix, fmt.Errorf("there is %s, want one of the kind %s; the recurrent layers of the file: %s", what, kind, cmp.Or(has, "none")))
}

// wrapPrefix says in which kind of file and under which prefix something failed.
func wrapPrefix(f File, prefix string, err error) error {
	if err != nil {
		return fmt.Errorf("convert: %s: prefix %.100q: %w", format(f), prefix, err)
	}
	return nil
}

// format is what f is called in errors.
func format(f File) string {
	switch f.(type) {
	case *safetensors.File:
		return "safetensors"
	case *npy.Archive:
		return "npz"
	}
	return "file"
}

// under are the tensors of a file whose names begin with a prefix, by what follows.
type under struct {
	file   File
	prefix string
}

func (u *under) check(name string, shape ...int) (bool, error) {
	has, found, err := u.file.Shape(u.prefix + name)
	switch {
	case !found || err != nil:
		return found, err
	case !slices.Equal(has, shape):
		return true, fmt.Errorf("%s has the shape %v, want %v", name, has, shape)
	}
	return true, u.file.Check(u.prefix + name)
}

func (u *under) read(dst []float32, name string) error { return u.file.Read(dst, u.prefix+name) }

func (u *under) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range u.file.Names() {
			if rest, ok := strings.CutPrefix(name, u.prefix); ok && !yield(rest) {
				return
			}
		}
	}
}

// stray: a file may hold anything, but what has the name of a parameter and is none
// would change what the layer computes.
func (u *under) stray(name string) bool {
	before, _, ok := parameter(name)
	return ok && before == ""
}
