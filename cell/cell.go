// Package cell makes a recurrent layer of a kind that is chosen when the program runs: by a flag, a
// file of settings, a loop over all three. A Config has what the kinds have in common. What a kind
// has alone, such as the peepholes of an LSTM, is in the Config of its own package, rnn, lstm or gru.
package cell

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// A Kind is one of the cells.
type Kind string

// The kinds of cells, by the names of their packages.
const (
	RNN  Kind = "rnn"
	LSTM Kind = "lstm"
	GRU  Kind = "gru"
)

// Kinds returns all kinds: RNN, LSTM, GRU.
func Kinds() []Kind { return []Kind{RNN, LSTM, GRU} }

// Parse returns the kind of that name, or an error that lists the names.
func Parse(name string) (Kind, error) {
	if k := Kind(name); slices.Contains(Kinds(), k) {
		return k, nil
	}
	return "", fmt.Errorf("cell: no kind %q, want rnn, lstm or gru", name)
}

// A Config has the fields that Config has in all three packages, with the same meaning and the
// same zero values.
type Config struct {
	Input, Hidden int
	Layers        int // on top of each other; 0 means 1
	Bidirectional bool
	Dropout       float32 // between layers
	Workers       int     // the most goroutines that share the work; 0: no limit
}

// A Layer is a *rnn.Layer, a *lstm.Layer or a *gru.Layer.
type Layer struct {
	kind Kind
	rnn  *rnn.Layer
	lstm *lstm.Layer
	gru  *gru.Layer
}

// New makes a layer as New of the package of its kind does, from the same numbers of r, with the
// errors of that. It returns an error for a kind that is none.
func New(kind Kind, cfg Config, r *rand.Rand) (*Layer, error) {
	l, err := &Layer{kind: kind}, error(nil)
	switch kind {
	case RNN:
		l.rnn, err = rnn.New(rnn.Config{Input: cfg.Input, Hidden: cfg.Hidden, Layers: cfg.Layers, Bidirectional: cfg.Bidirectional, Dropout: cfg.Dropout, Workers: cfg.Workers}, r)
	case LSTM:
		l.lstm, err = lstm.New(lstm.Config{Input: cfg.Input, Hidden: cfg.Hidden, Layers: cfg.Layers, Bidirectional: cfg.Bidirectional, Dropout: cfg.Dropout, Workers: cfg.Workers}, r)
	case GRU:
		l.gru, err = gru.New(gru.Config{Input: cfg.Input, Hidden: cfg.Hidden, Layers: cfg.Layers, Bidirectional: cfg.Bidirectional, Dropout: cfg.Dropout, Workers: cfg.Workers}, r)
	default:
		_, err = Parse(string(kind))
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Kind returns the kind.
func (l *Layer) Kind() Kind { return l.kind }

// String returns the name of the kind in capitals, as pictures and tables have it.
func (l *Layer) String() string { return strings.ToUpper(string(l.kind)) }

// Layer returns the *rnn.Layer, *lstm.Layer or *gru.Layer, which has more methods.
func (l *Layer) Layer() any {
	switch l.kind {
	case RNN:
		return l.rnn
	case LSTM:
		return l.lstm
	}
	return l.gru
}

// Unroll is that of the layer: for training over up to steps steps of batch rows. What it returns is
// the *Unrolled of the package. It panics where that does.
func (l *Layer) Unroll(steps, batch int) nn.Net {
	switch l.kind {
	case RNN:
		return l.rnn.Unroll(steps, batch)
	case LSTM:
		return l.lstm.Unroll(steps, batch)
	}
	return l.gru.Unroll(steps, batch)
}

// UnrollWithin is Unroll in at most so many bytes; it returns an error where that is not possible.
func (l *Layer) UnrollWithin(steps, batch, bytes int) (net nn.Net, err error) {
	if l == nil {
		return nil, nilcheck.Receiver("cell", "Layer", "UnrollWithin")
	}
	switch l.kind {
	case RNN:
		net, err = l.rnn.UnrollWithin(steps, batch, bytes)
	case LSTM:
		net, err = l.lstm.UnrollWithin(steps, batch, bytes)
	default:
		net, err = l.gru.UnrollWithin(steps, batch, bytes)
	}
	if err != nil {
		return nil, err
	}
	return net, nil
}

// Infer is Unroll for passes forward alone, without gradients.
func (l *Layer) Infer(steps, batch int) nn.Net {
	switch l.kind {
	case RNN:
		return l.rnn.Infer(steps, batch)
	case LSTM:
		return l.lstm.Infer(steps, batch)
	}
	return l.gru.Infer(steps, batch)
}

// EachParam calls f for each parameter: its name, its values, and its shape.
func (l *Layer) EachParam(f func(name string, w []float32, shape ...int)) {
	switch l.kind {
	case RNN:
		l.rnn.EachParam(f)
	case LSTM:
		l.lstm.EachParam(f)
	default:
		l.gru.EachParam(f)
	}
}
