package nn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/internal/crew"
	"github.com/simdrnn/simdrnn/internal/draw"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
	"github.com/simdrnn/simdrnn/kernels"
)

// An Embedding is a table of one vector for each symbol, the first stage of a
// Chain over ids. It holds the weights. Chains that have the same Embedding share them.
// Replace its slice before Chain only: a chain whose Embedding got another one later
// panics. Elements below 2^-100 count as +0 (rule 8 of the numerics contract); the table
// itself is not changed.
type Embedding struct {
	// Weight is [Vocabulary][Dim], named "weight" as in PyTorch.
	Weight          []float32
	Vocabulary, Dim int

	padding int32 // the id of padding plus 1; 0 for none
}

// NewEmbedding returns a table whose entries are drawn from N(0, 1), PyTorch's
// default. Only Uint64 is taken from r. NewZeroEmbedding is for weights that come
// from elsewhere.
//
// It returns an error if r is nil, if a size is below 1, and if there are more
// weights than a tensor may have elements, 2^31-1.
func NewEmbedding(vocabulary, dim int, r *rand.Rand) (*Embedding, error) {
	if r == nil {
		return nil, errors.New("nn: NewEmbedding with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2)), or call NewZeroEmbedding for weights that come from elsewhere")
	}
	e, err := NewZeroEmbedding(vocabulary, dim)
	if err != nil {
		return nil, err
	}
	draw.Normal(e.Weight, r)
	return e, nil
}

// NewZeroEmbedding returns a table of +0, for weights that come from elsewhere.
// The errors are those of NewEmbedding.
func NewZeroEmbedding(vocabulary, dim int) (*Embedding, error) {
	if err := embeddingSizes(vocabulary, dim); err != nil {
		return nil, fmt.Errorf("nn: %w", err)
	}
	return &Embedding{Weight: pages.Floats(vocabulary * dim), Vocabulary: vocabulary, Dim: dim}, nil
}

func embeddingSizes(vocabulary, dim int) error {
	if vocabulary < 1 || dim < 1 {
		return fmt.Errorf("an embedding of %d symbols of width %d, want at least 1 of each", vocabulary, dim)
	}
	if vocabulary > maxElements/dim {
		return fmt.Errorf("an embedding of %d symbols of width %d has more than %d weights", vocabulary, dim, maxElements)
	}
	return nil
}

// check returns an error if the fields, which a caller may have set, do not fit each
// other.
func (e *Embedding) check() error {
	if err := embeddingSizes(e.Vocabulary, e.Dim); err != nil {
		return err
	}
	if len(e.Weight) != e.Vocabulary*e.Dim {
		return fmt.Errorf("an embedding of %d symbols of width %d with a Weight of %d elements, want %d", e.Vocabulary, e.Dim, len(e.Weight), e.Vocabulary*e.Dim)
	}
	if int(e.padding) > e.Vocabulary {
		return fmt.Errorf("an embedding of %d symbols with the padding id %d", e.Vocabulary, e.padding-1)
	}
	return nil
}

// mustBeUnchanged panics unless now, the first stage of a chain, still has the slice and
// sizes of e, a copy from when the chain was made.
func (e *Embedding) mustBeUnchanged(now *Embedding) {
	if now.Vocabulary != e.Vocabulary || now.Dim != e.Dim || !kernels.Same(now.Weight, e.Weight) {
		panic("nn: the Weight or the sizes of the chain's Embedding have been replaced; make the chain anew after that")
	}
}

// maxElements bounds one tensor, so that no product of sizes overflows.
const maxElements = 1<<31 - 1

// Dims returns the widths, with 0 steps and rows: an embedding takes those of
// the chain.
func (e *Embedding) Dims() (steps, batch, in, out int) { return 0, 0, e.Vocabulary, e.Dim }

// SetPaddingID says that id stands for padding inside of sequences, as padding_idx of
// PyTorch does: looking it up adds nothing to the gradient of its vector. Its vector stays
// as it is, which is +0 in a new table of PyTorch; set it so if it should be. A readout
// with the same weights, and a weight decay, still move it. (Padding past the ends of rows
// needs no id: see SetLengths.) Call it before Chain. It returns an error if id is not in
// the vocabulary.
func (e *Embedding) SetPaddingID(id int32) error {
	if e == nil {
		return nilcheck.Receiver("nn", "Embedding", "SetPaddingID")
	}
	if id < 0 || int(id) >= e.Vocabulary {
		return fmt.Errorf("nn: padding id %d of an embedding of %d symbols, want 0 to %d", id, e.Vocabulary, e.Vocabulary-1)
	}
	e.padding = id + 1
	return nil
}

// PaddingID returns the id that SetPaddingID has set; ok is false if there is none.
func (e *Embedding) PaddingID() (id int32, ok bool) { return e.padding - 1, e.padding > 0 }

// Readout returns the linear layer whose weight is the table itself: the logit
// of a symbol is the product of its vector with x, plus a bias that starts at
// zero. In a chain with the embedding both have one gradient, to which the
// readout adds first. A Linear with the same Weight and a Bias of its own, made as a
// struct literal, is trained in the same way. But Chain refuses the Linear of Readout
// where the first stage is not e. Readout panics if the sizes of e do not fit its Weight.
func (e *Embedding) Readout() *Linear {
	if err := e.check(); err != nil {
		panic("nn: Readout of " + err.Error())
	}
	return &Linear{Weight: e.Weight, Bias: make([]float32, e.Vocabulary), In: e.Dim, Out: e.Vocabulary, tied: e}
}

// checkIDs returns an error if an id of ids [T*B] is not in the vocabulary. Ids in the
// padding do not count.
func (e *Embedding) checkIDs(ids []int32, batch int, lengths []int) error {
	for p, id := range ids {
		if (id < 0 || int(id) >= e.Vocabulary) && !padded(lengths, p, batch) {
			return &data.IDError{What: "id", ID: id, Step: p / batch, Row: p % batch, Limit: e.Vocabulary}
		}
	}
	return nil
}

// lookup sets rows lo to hi of y [T*B][dim] to the vectors of ids [T*B], which checkIDs has
// accepted, flushed (rule 8); the table is not changed. Padding is +0, whatever its ids are.
func (e *Embedding) lookup(isa kernels.ISA, y []float32, ids []int32, lo, hi, batch int, lengths []int) {
	for p := lo; p < hi; p++ {
		id := ids[p]
		row := y[p*e.Dim:][:e.Dim]
		if padded(lengths, p, batch) {
			clear(row)
		} else {
			isa.CopyFlush(row, e.Weight[int(id)*e.Dim:][:e.Dim])
		}
	}
}

// embedding is an Embedding within one chain: its gradient, and its output and the
// gradient of that, unless the chain goes by symbols.
type embedding struct {
	Embedding // as it was when the chain was made
	from      *Embedding
	isa       kernels.ISA
	grad      []float32 // nil in a chain for inference, as is dy
	zero      zeroing
	ids       []int32   // of the last forward pass
	y, dy     []float32 // [steps][batch][Dim]

	now                  embeddingCall
	lookPart, gatherPart func(w, n int)
}

// embeddingCall is the pass that the workers are at.
type embeddingCall struct {
	batch   int
	lengths []int
	dy      []float32
	pairs   []int32
}

// How many multiply-adds take as long as copying an element to another place, and as adding
// one there.
const (
	lookWork   = 16
	gatherWork = 24
)

func newEmbedding(e *Embedding, isa kernels.ISA, pairs int) *embedding {
	s := &embedding{Embedding: *e, from: e, isa: isa, ids: make([]int32, 0, pairs)}
	s.lookPart, s.gatherPart = s.look, s.gather
	return s
}

// keep copies ids, so that the caller's stay where they are, on a stack say.
func (s *embedding) keep(ids []int32) { s.ids = append(s.ids[:0], ids...) }

// forward sets s.y to the vectors of ids, which checkIDs has accepted, on the workers of a
// team. s keeps the ids.
func (s *embedding) forward(team *crew.Crew, ids []int32, batch int, lengths []int) {
	s.keep(ids)
	s.now = embeddingCall{batch: batch, lengths: lengths}
	team.Run(s.isa, lookWork*len(ids)*s.Dim, s.lookPart)
	s.now = embeddingCall{}
}

func (s *embedding) look(w, n int) {
	lo, hi := split.Share(len(s.ids), 1, w, n)
	s.lookup(s.isa, s.y, s.ids, lo, hi, s.now.batch, s.now.lengths)
}

// backward adds the gradients dy [T*B][Dim] of the looked-up vectors to that of
// the table, one addition for each of the pairs, in their order. The id of padding has
// none. Each worker of the team has columns of all pairs, so that the order stays.
func (s *embedding) backward(team *crew.Crew, dy []float32, pairs []int32) {
	s.now = embeddingCall{dy: dy, pairs: pairs}
	team.Run(s.isa, gatherWork*len(pairs)*s.Dim, s.gatherPart)
	s.now = embeddingCall{}
}

func (s *embedding) gather(w, n int) {
	const line = 16 // floats of a cache line
	lo, hi := split.Share(s.Dim, line, w, n)
	if lo == hi {
		return
	}
	for _, p := range s.now.pairs {
		if s.ids[p]+1 == s.padding {
			continue
		}
		g := s.grad[int(s.ids[p])*s.Dim:][lo:hi]
		s.isa.Add(g, g, s.now.dy[int(p)*s.Dim:][lo:hi])
	}
}

// padded says whether pair p = t*batch+b lies past the end of row b.
func padded(lengths []int, p, batch int) bool {
	return lengths != nil && p/batch >= lengths[p%batch]
}
