package finetune

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path"
	"slices"

	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// LowRank says which matrices get adapters, and what else is trained (Hu et al. 2021,
// "LoRA: low-rank adaptation of large language models"). A matrix W of [out][in] becomes
//
//	W = W0 + Alpha/Rank * B A   B [out][Rank], A [Rank][in]   (Hu et al., eq. 3)
//
// where W0 stays as it was and A and B are trained. Any matrix can have an adapter, the
// recurrent ones, an embedding and a readout too.
type LowRank struct {
	// Match are patterns of path.Match; a parameter with two dimensions whose name one of
	// them matches gets an adapter. Every pattern must match at least one such name.
	Match []string

	// Train are patterns of parameters that are trained as they are, such as those of a
	// new readout or of all biases. All other parameters stay as they were.
	Train []string

	Rank  int     // at least 1; the adapters of a matrix have Rank*(out+in) elements
	Alpha float64 // above 0; 0 stands for Rank, which is a factor of 1
}

// check returns an error if the fields make no sense.
func (a *LowRank) check() error {
	switch {
	case a.Rank < 1:
		return fmt.Errorf("finetune: LowRank with Rank %d, want at least 1", a.Rank)
	case !(a.Alpha >= 0) || math.IsInf(a.Alpha, 1):
		return fmt.Errorf("finetune: LowRank with Alpha %v, want more than 0 and finite, or 0 for Rank", a.Alpha)
	case len(a.Match) == 0:
		return errors.New(`finetune: LowRank without a pattern in Match, want names of matrices, such as "*.weight_*" for those of all recurrent layers`)
	}
	if s := a.scale(); !(s >= 0x1p-126) || math.IsInf(float64(s), 1) {
		return fmt.Errorf("finetune: LowRank with Alpha %v and Rank %d, whose quotient is %v in float32, want 2^-126 or more and finite", a.Alpha, a.Rank, s)
	}
	return nil
}

// scale is the factor Alpha/Rank.
func (a *LowRank) scale() float32 {
	if a.Alpha == 0 {
		return 1
	}
	return float32(a.Alpha / float64(a.Rank))
}

// matches returns for each pattern whether it matches one of the names that ok accepts,
// and for each name whether a pattern matches it.
func matches(what string, patterns []string, names []string, ok func(i int) bool) ([]bool, error) {
	found := make([]bool, len(names))
	for _, p := range patterns {
		any := false
		for i, name := range names {
			hit, err := path.Match(p, name)
			if err != nil {
				return nil, fmt.Errorf("finetune: pattern %q of %s: %w", p, what, err)
			}
			if hit && ok(i) {
				found[i], any = true, true
			}
		}
		if !any {
			return nil, fmt.Errorf("finetune: pattern %q of %s matches no parameter that fits; the names are %s", p, what, few(names))
		}
	}
	return found, nil
}

// Adapt returns net with adapters. From then on the matrices of net that have adapters are
// memory of the result: it sets them at each Forward and when Apply or Merge is called. A
// is uniform in ±1/sqrt(in), drawn from r in the order of the parameters, and B is +0, so
// that at first the network computes what it did before, bit for bit.
//
// One net can have several adapters, of one task each, which take turns. Each is made while
// no other one is applied: call Remove of the one before, so that all have one W0 and one
// Base, and files go with any of them. Remove is also what comes before another one's turn,
// since a Forward sets the matrices of its own adapters and leaves all others as they are.
// Parameters of LowRank.Train are those of the net, which all of them share. To begin with
// what other adapters have learned, give Adapt the net that Merge returns.
//
// It returns an error for a net without gradients (one made by Infer), for an *Adapted, for
// a setting that makes no sense and for a pattern that matches nothing; net is as it was.
func Adapt(net nn.Net, how LowRank, r *rand.Rand) (*Adapted, error) {
	if nilcheck.IsNil(net) {
		return nil, errors.New("finetune: no net to adapt")
	}
	if a, ok := net.(*Adapted); ok {
		return nil, fmt.Errorf("finetune: Adapt of a net with adapters, whose own matrices are the factors of rank %d; give it the net that Merge returns, to go on from what they have learned, or after Remove that of Net, for adapters of another task", a.how.Rank)
	}
	if r == nil {
		return nil, errors.New("finetune: Adapt with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2))")
	}
	if err := how.check(); err != nil {
		return nil, err
	}
	how.Match, how.Train = slices.Clone(how.Match), slices.Clone(how.Train)
	params, sums, err := nn.Trained(net)
	if err != nil {
		return nil, err
	}
	shapes := nn.Shapes(net)
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
	}
	matrix := func(i int) bool { return len(shapes[names[i]]) == 2 && shapes[names[i]][1] > 1 }
	adapt, err := matches("Match", how.Match, names, matrix)
	if err != nil {
		return nil, err
	}
	train, err := matches("Train", how.Train, names, func(int) bool { return true })
	if err != nil {
		return nil, err
	}
	a := &Adapted{net: net, how: how, isa: kernels.Current(), sums: sums, base: nn.Fingerprint(net)}
	a.parts = parts{a.product, a.gradientB, a.gradientA}
	for i, p := range params {
		switch {
		case adapt[i] && train[i]:
			return nil, fmt.Errorf("finetune: parameter %s is in Match and in Train, want one of them", p.Name)
		case adapt[i]:
			out, in := shapes[p.Name][0], shapes[p.Name][1]
			m := newMatrix(p, out, in, how.Rank)
			draw.Uniform(m.a.W, 1/math.Sqrt(float64(in)), r)
			a.matrices = append(a.matrices, m)
			a.params = append(a.params, m.a, m.b)
			a.room = max(a.room, a.isa.GemmWork(false, false, out, in, how.Rank),
				a.isa.GemmWork(false, true, out, how.Rank, in), a.isa.GemmWork(true, false, how.Rank, in, out))
		case train[i]:
			a.params = append(a.params, p)
		}
	}
	return a, nil
}

// A matrix is one parameter of the net that has an adapter.
type matrix struct {
	of      nn.Param // W and its gradient, memory of the net
	out, in int
	base    []float32 // W0
	a, b    nn.Param
	scaled  []float32 // B times Alpha/Rank
	da, db  []float32 // of one Backward, before they are scaled and added
}

func newMatrix(p nn.Param, out, in, rank int) *matrix {
	m := &matrix{of: p, out: out, in: in, base: slices.Clone(p.W)}
	m.a = nn.Param{Name: p.Name + ".lora_A", W: make([]float32, rank*in), G: make([]float32, rank*in)}
	m.b = nn.Param{Name: p.Name + ".lora_B", W: make([]float32, out*rank), G: make([]float32, out*rank)}
	m.scaled, m.da, m.db = make([]float32, out*rank), make([]float32, rank*in), make([]float32, out*rank)
	return m
}
