package seq2seq

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// A Bridge gives the decoder a state to start from: the one that the encoder has after
// the last step of each row. Nets that have the same Bridge share its weights.
//
// Without Linears the state is copied, and both states have the same shapes. With them
// tensor i of the decoder's state is tanh of Linears[i] of tensor i of the encoder's (the
// numbers of a row in all layers and directions side by side), or, where their numbers
// differ, of all tensors of the encoder's (Bahdanau et al. 2015, appendix A.2.2, map one
// state so).
type Bridge struct {
	Linears []*nn.Linear
}

// NewBridge returns a Bridge with a Linear for each tensor of the state of the nets among
// the stages of the decoder, drawn as NewLinear does. encoder and decoder must be unrolled
// for the same number of rows, at least 1. Their states are zero afterwards.
func NewBridge(encoder nn.Net, decoder []nn.Stage, r *rand.Rand) (*Bridge, error) {
	if r == nil {
		return nil, errors.New("seq2seq: NewBridge with a nil *rand.Rand, want one such as rand.New(rand.NewPCG(1, 2)); a &Bridge{} copies and has no weights")
	}
	if err := missing("encoder", encoder); err != nil {
		return nil, err
	}
	_, batch, _, _ := encoder.Dims()
	if batch < 1 {
		return nil, fmt.Errorf("seq2seq: an encoder of %d rows, want at least 1", batch)
	}
	from, err := layout("encoder", encoder, batch)
	if err != nil {
		return nil, err
	}
	var to []block
	err = eachStage("stage", decoder, func(place string, s nn.Stage) error {
		net, ok := s.(nn.Net)
		if !ok {
			return nil
		}
		place += " of the decoder"
		if err := missing(place, s); err != nil {
			return err
		}
		if _, rows, _, _ := net.Dims(); rows != batch {
			return fmt.Errorf("seq2seq: %s has %d rows, the encoder %d", place, rows, batch)
		}
		shapes, err := layout(place, net, batch)
		to = append(to, shapes...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(from) == 0 || len(to) == 0 {
		return nil, errNoState
	}
	b := &Bridge{}
	for i, t := range to {
		l, err := nn.NewLinear(size(reads(from, len(to), i)), t.Size(), r)
		if err != nil {
			return nil, err
		}
		b.Linears = append(b.Linears, l)
	}
	return b, nil
}

// reads returns which of the encoder's tensors tensor i of n is made from.
func reads[E any](from []E, n, i int) []E {
	if len(from) == n {
		return from[i : i+1]
	}
	return from
}

// bridge is a Bridge between an encoder and a decoder.
type bridge struct {
	isa      kernels.ISA
	batch    int
	from, to []block
	maps     []*nn.Model // empty: copies
	x, y     [][]float32 // of each map, [batch][in] and [batch][out]
	dx, dy   [][]float32
	more     [][]float32 // room for the gradients of one map, as the encoder's state
}

func newBridge(b *Bridge, from, to []block, batch int) (*bridge, error) {
	if len(from) == 0 || len(to) == 0 {
		return nil, errNoState
	}
	u := &bridge{isa: kernels.Current(), batch: batch, from: from, to: to}
	if len(b.Linears) == 0 {
		if !slices.Equal(from, to) {
			return nil, fmt.Errorf("seq2seq: the state of the encoder has tensors of %s for each row, that of the decoder %s: they cannot be copied; NewBridge makes a Bridge with maps between them", shapesOf(from), shapesOf(to))
		}
		return u, nil
	}
	if len(b.Linears) != len(to) {
		return nil, fmt.Errorf("seq2seq: a Bridge with %d Linears, want %d, one for each tensor of the decoder's state", len(b.Linears), len(to))
	}
	u.more = tensors(from, batch)
	for i, l := range b.Linears {
		in, out := size(reads(from, len(to), i)), size(to[i:i+1])
		if l == nil || l.In != in || l.Out != out {
			return nil, fmt.Errorf("seq2seq: Linear %d of the Bridge does not fit: want one from width %d, the state of the encoder, to %d, that of the decoder", i, in, out)
		}
		m, err := nn.Unroll(1, batch, l)
		if err != nil {
			return nil, err
		}
		u.maps = append(u.maps, m)
		u.x, u.dx = append(u.x, make([]float32, batch*in)), append(u.dx, make([]float32, batch*in))
		u.y, u.dy = append(u.y, make([]float32, batch*out)), append(u.dy, make([]float32, batch*out))
	}
	return u, nil
}

// shapesOf is for errors.
func shapesOf(s []block) string {
	text := ""
	for i, b := range s {
		if i > 0 {
			text += " and "
		}
		text += fmt.Sprintf("%dx%d", b.Count, b.Width)
	}
	return text
}

// forward sets the state to, of the decoder, from that of the encoder.
func (b *bridge) forward(to, from [][]float32) {
	if len(b.maps) == 0 {
		for i := range to {
			copy(to[i], from[i])
		}
		return
	}
	for i, m := range b.maps {
		gather(b.x[i], reads(from, len(to), i), reads(b.from, len(to), i), b.batch)
		m.Forward(b.y[i], b.x[i])
		b.isa.Tanh(b.y[i], b.y[i])
		scatter(to[i:i+1], b.y[i], b.to[i:i+1], b.batch)
	}
}

// backward sets the gradient of the encoder's state from that of the decoder's.
func (b *bridge) backward(from, to [][]float32) {
	if len(b.maps) == 0 {
		for i := range to {
			copy(from[i], to[i])
		}
		return
	}
	for i := range from {
		clear(from[i])
	}
	for i, m := range b.maps {
		gather(b.dy[i], to[i:i+1], b.to[i:i+1], b.batch)
		b.isa.TanhGrad(b.dy[i], b.y[i], b.dy[i])
		m.Backward(b.dx[i], b.dy[i])
		part := reads(b.more, len(to), i)
		scatter(part, b.dx[i], reads(b.from, len(to), i), b.batch)
		for k, d := range reads(from, len(to), i) {
			b.isa.Add(d, d, part[k])
		}
	}
}
