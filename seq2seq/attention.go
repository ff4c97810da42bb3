package seq2seq

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/nn"
)

// A Score says how well a query q, an output of the decoder, fits a step m of the memory,
// an output of the encoder.
type Score uint8

const (
	// Dot is q·m (Luong, Pham and Manning 2015, equation 8). Both have one width.
	Dot Score = iota
	// General is q·(W m), likewise. W is the weight of Attention.Key.
	General
	// Additive is v·tanh(W q + U m) (Bahdanau, Cho and Bengio 2015, appendix A.1.2). W is
	// the weight of Attention.Query, U that of Attention.Key.
	Additive
)

// String returns the name of the score.
func (s Score) String() string {
	switch s {
	case Dot:
		return "dot"
	case General:
		return "general"
	case Additive:
		return "additive"
	}
	return fmt.Sprintf("Score(%d)", uint8(s))
}

// An AttentionConfig has the sizes of an Attention.
type AttentionConfig struct {
	// Query and Memory are the widths of an output of the decoder and of the encoder.
	// With Dot they are equal.
	Query, Memory int

	Score Score

	// Width is the number of units in the tanh of Additive. With Dot and General it is 0.
	Width int

	// Out is the width of the attentional vector tanh(W_c [c; q]), c being the context
	// (Luong et al. 2015, equation 5). 0: the output is [c; q] itself, of width
	// Memory+Query.
	Out int
}

// An Attention holds the weights by which queries attend to a memory: for a query q
// of a row, and the steps m_s of the memory of that row that exist,
//
//	a = softmax over s of score(q, m_s)    c = sum over s of a_s m_s    y = tanh(W_c [c; q])
//
// It is global attention of Luong, Pham and Manning (2015, "Effective approaches to
// attention-based neural machine translation"). Unroll makes it a stage of a chain. What
// was unrolled from one Attention shares its weights. Replace its slices before Unroll only.
// No map has a bias, as in the papers.
type Attention struct {
	Config AttentionConfig

	Key    *nn.Linear // of General, [Query][Memory]; of Additive, [Width][Memory]; nil for Dot
	Query  *nn.Linear // of Additive, [Width][Query]; else nil
	Vector []float32  // v of Additive, [Width]; else nil
	Out    *nn.Linear // W_c, [Out][Memory+Query]; nil if Config.Out is 0
}

// NewAttention returns an Attention whose weights are uniform in ±1/sqrt(in), in being
// the width of what a map reads. Only Uint64 is taken from r.
//
// It returns an error if r is nil and if the sizes are below 1 or do not fit the score.
func NewAttention(cfg AttentionConfig, r *rand.Rand) (*Attention, error) {
	if r == nil {
		return nil, errors.New("seq2seq: NewAttention with a nil *rand.Rand, want one such as rand.New(rand.NewPCG(1, 2))")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	a := &Attention{Config: cfg}
	var err error
	linear := func(in, out int) *nn.Linear {
		if err != nil {
			return nil
		}
		var l *nn.Linear
		if l, err = nn.NewZeroLinear(in, out); err != nil {
			return nil
		}
		l.Bias = nil
		draw.Uniform(l.Weight, 1/math.Sqrt(float64(in)), r)
		return l
	}
	switch cfg.Score {
	case General:
		a.Key = linear(cfg.Memory, cfg.Query)
	case Additive:
		a.Key = linear(cfg.Memory, cfg.Width)
		a.Query = linear(cfg.Query, cfg.Width)
		a.Vector = make([]float32, cfg.Width)
		draw.Uniform(a.Vector, 1/math.Sqrt(float64(cfg.Width)), r)
	}
	if cfg.Out > 0 {
		a.Out = linear(cfg.Memory+cfg.Query, cfg.Out)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// maxWidth bounds each width, so that sums and products of a few sizes do not overflow.
const maxWidth = 1 << 24

func (c *AttentionConfig) check() error {
	switch {
	case c.Score > Additive:
		return fmt.Errorf("seq2seq: the score is %v, want Dot, General or Additive", c.Score)
	case c.Query < 1 || c.Memory < 1 || c.Query > maxWidth || c.Memory > maxWidth:
		return fmt.Errorf("seq2seq: attention of queries of width %d to a memory of width %d, want 1 to %d", c.Query, c.Memory, maxWidth)
	case c.Score == Dot && c.Query != c.Memory:
		return fmt.Errorf("seq2seq: the score Dot of queries of width %d and a memory of width %d, want one width; General and Additive take two", c.Query, c.Memory)
	case c.Score == Additive && (c.Width < 1 || c.Width > maxWidth):
		return fmt.Errorf("seq2seq: the score Additive with Width %d, want 1 to %d", c.Width, maxWidth)
	case c.Score != Additive && c.Width != 0:
		return fmt.Errorf("seq2seq: the score %v with Width %d, want 0: only Additive has units of its own", c.Score, c.Width)
	case c.Out < 0 || c.Out > maxWidth:
		return fmt.Errorf("seq2seq: an attentional vector of width %d, want 1 to %d, or 0 for none", c.Out, maxWidth)
	}
	return nil
}

// out returns the width of an output.
func (c *AttentionConfig) out() int {
	if c.Out > 0 {
		return c.Out
	}
	return c.Memory + c.Query
}

// width returns the width of the vectors whose products or sums are the scores.
func (c *AttentionConfig) width() int {
	if c.Score == Additive {
		return c.Width
	}
	return c.Query
}

// check returns an error if the fields, which a caller may have set, do not fit the
// config.
func (a *Attention) check() error {
	c := a.Config
	if err := c.check(); err != nil {
		return err
	}
	fits := func(name string, l *nn.Linear, want bool, in, out int) error {
		switch {
		case want != (l != nil):
			return fmt.Errorf("seq2seq: Attention.%s of the score %v is %v, want it as NewAttention makes it", name, c.Score, l)
		case want && (l.In != in || l.Out != out || l.Bias != nil || len(l.Weight) != in*out):
			return fmt.Errorf("seq2seq: Attention.%s is a map from width %d to %d with %d weights and %d biases, want %d to %d with %d, and no bias", name, l.In, l.Out, len(l.Weight), len(l.Bias), in, out, in*out)
		}
		return nil
	}
	if err := fits("Key", a.Key, c.Score != Dot, c.Memory, c.width()); err != nil {
		return err
	}
	if err := fits("Query", a.Query, c.Score == Additive, c.Query, c.width()); err != nil {
		return err
	}
	if err := fits("Out", a.Out, c.Out > 0, c.Memory+c.Query, c.Out); err != nil {
		return err
	}
	if len(a.Vector) != c.Width {
		return fmt.Errorf("seq2seq: Attention.Vector has %d elements, want %d", len(a.Vector), c.Width)
	}
	return nil
}

// EachParam calls f for each parameter: its name, its values and its shape.
func (a *Attention) EachParam(f func(name string, w []float32, shape ...int)) {
	if a.Query != nil {
		f("query.weight", a.Query.Weight, a.Query.Out, a.Query.In)
	}
	if a.Key != nil {
		f("key.weight", a.Key.Weight, a.Key.Out, a.Key.In)
	}
	if a.Vector != nil {
		f("vector", a.Vector, len(a.Vector))
	}
	if a.Out != nil {
		f("out.weight", a.Out.Weight, a.Out.Out, a.Out.In)
	}
}
