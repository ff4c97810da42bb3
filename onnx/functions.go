package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/rnn"
)

// defaults are the activations that an operator has without a list.
var defaults = map[string][]string{"LSTM": {"Sigmoid", "Tanh", "Tanh"}, "GRU": {"Sigmoid", "Tanh"}, "RNN": {"Tanh"}}

// functionsOf returns the activations of each direction. The functions that have an alpha
// take the elements of its list in order, until the list ends; the others, and those for
// which it is too short, have their defaults. Likewise for beta.
func functionsOf(kind string, directions int, names []string, alpha, beta []float32) ([][]rnn.Activation, error) {
	usual := defaults[kind]
	if len(names) == 0 {
		names = slices.Repeat(usual, directions)
	}
	if len(names) != directions*len(usual) {
		return nil, refuse("%d activations, want %d: %d for each of %d directions", len(names), directions*len(usual), len(usual), directions)
	}
	var list []rnn.Activation
	next := func(of *[]float32, otherwise float32) float32 {
		if len(*of) == 0 {
			return otherwise
		}
		v := (*of)[0]
		*of = (*of)[1:]
		return v
	}
	needed := func(of *[]float32, name, parameter string) (float32, error) {
		if len(*of) == 0 {
			return 0, refuse("the activation %s has no default %s", name, parameter)
		}
		return next(of, 0), nil
	}
	for _, name := range names {
		f, known := activations[lower(name)]
		if !known {
			return nil, refuse("the activation %q, want one of those that ONNX lists", cut(name))
		}
		var a, b float32
		var err error
		switch f.parameters {
		case noDefaults:
			if a, err = needed(&alpha, name, "alpha"); err == nil {
				b, err = needed(&beta, name, "beta")
			}
		case onlyAlpha:
			a = next(&alpha, f.alpha)
		case both:
			a, b = next(&alpha, f.alpha), next(&beta, f.beta)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, f.of(a, b))
	}
	if len(alpha) > 0 || len(beta) > 0 {
		return nil, refuse("activation_alpha and activation_beta have %d and %d elements more than the activations %v take", len(alpha), len(beta), names)
	}
	return slices.Collect(slices.Chunk(list, len(usual))), nil
}

type parameters uint8

const (
	none parameters = iota
	onlyAlpha
	both
	noDefaults
)

// activations are the functions that ONNX lists, by their names in lower case: those of
// files differ in that.
var activations = map[string]struct {
	parameters  parameters
	alpha, beta float32
	of          func(alpha, beta float32) rnn.Activation
}{
	"tanh":            {of: func(_, _ float32) rnn.Activation { return rnn.Tanh }},
	"relu":            {of: func(_, _ float32) rnn.Activation { return rnn.ReLU }},
	"sigmoid":         {of: func(_, _ float32) rnn.Activation { return rnn.Sigmoid }},
	"softsign":        {of: func(_, _ float32) rnn.Activation { return rnn.Softsign }},
	"softplus":        {of: func(_, _ float32) rnn.Activation { return rnn.Softplus }},
	"affine":          {noDefaults, 0, 0, rnn.Affine},
	"scaledtanh":      {noDefaults, 0, 0, rnn.ScaledTanh},
	"leakyrelu":       {onlyAlpha, 0.01, 0, func(a, _ float32) rnn.Activation { return rnn.LeakyReLU(a) }},
	"thresholdedrelu": {onlyAlpha, 1, 0, func(a, _ float32) rnn.Activation { return rnn.ThresholdedReLU(a) }},
	"elu":             {onlyAlpha, 1, 0, func(a, _ float32) rnn.Activation { return rnn.ELU(a) }},
	"hardsigmoid":     {both, 0.2, 0.5, rnn.HardSigmoid},
}

func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
