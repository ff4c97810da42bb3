package nn

import (
	"fmt"
	"strings"

	"github.com/simdrnn/simdrnn/internal/pages"
	"github.com/simdrnn/simdrnn/internal/split"
)

// A Sequential is a stage made of stages one after another, as a chain is: for Parallel,
// where one of the nets side by side has several stages. Stages are named in it as in a
// chain: "1.0.weight" is of the first stage of a Sequential that is stage 1. An Embedding
// can only be the first stage of a whole chain.
type Sequential []Stage

// A Residual is a stage that adds to its input what its stages make of it, one after
// another as in a chain: y = x + f(x) (He, Zhang, Ren and Sun 2016). The last of them has
// the width of the input. The sum is rounded once, and stored as +0 below 2^-100; likewise
// dx, the sum of the gradients by both ways. Stages are named as in a Sequential.
type Residual []Stage

// A Parallel is a stage made of stages over the same input, whose outputs stand side by
// side in the order of the stages: a bidirectional encoder is one of a net and of another
// that reads the steps from the end. The gradient of the input is the sum of theirs, in
// the order of the stages, stored as +0 below 2^-100. At least one stage has a width of
// its own: of two pools alone no width follows, so one of them stands behind a LayerNorm or a
// Linear in a Sequential. Stage i has the name i: "1.0.weight_ih_l0" is of the first net of a Parallel
// that is stage 1 of a chain.
type Parallel []Stage

func (s Sequential) parts() []Stage { return s }
func (s Residual) parts() []Stage   { return s }
func (s Parallel) parts() []Stage   { return s }

// Dims returns the width of the input of the first stage and of the output of the last,
// zeros if any width will do; and 0 steps and rows: those of its Nets and of the chain must
// be the same.
func (s Sequential) Dims() (steps, batch, in, out int) { return dimsOfSequence(s) }

// Dims returns the width twice, zeros if any will do, and 0 steps and rows: those of its
// Nets and of the chain must be the same.
func (s Residual) Dims() (steps, batch, in, out int) { return dimsOfSequence(s) }

// Dims returns the width of the input and the sum of the widths of the outputs, and 0
// steps and rows: those of its Nets and of the chain must be the same.
func (s Parallel) Dims() (steps, batch, in, out int) {
	for _, part := range s {
		if _, _, n, _ := part.Dims(); n > 0 {
			in = n
		}
	}
	for _, part := range s {
		_, _, _, n := dimsFor(part, in)
		out += n
	}
	return 0, 0, in, out
}

func dimsOfSequence(stages []Stage) (steps, batch, in, out int) {
	for _, s := range stages {
		if !anyWidth(s) {
			_, _, n, last := s.Dims()
			if out = last; in == 0 {
				in = n
			}
		}
	}
	return 0, 0, in, out
}

// checkParts returns an error if one of the stages cannot be part of another.
func checkParts(name string, stages []Stage) error {
	if len(stages) == 0 {
		return fmt.Errorf("%s without stages", name)
	}
	for i, s := range stages {
		if err := checkStage(s); err != nil {
			return fmt.Errorf("%s whose stage %d %w", name, i, err)
		}
		if _, ok := s.(*Embedding); ok {
			return fmt.Errorf("%s whose stage %d is an Embedding, which can only be the first stage of the whole chain", name, i)
		}
	}
	return nil
}

func (s Sequential) check() error { return checkParts("a Sequential", s) }

func (s Residual) check() error {
	if err := checkParts("a Residual", s); err != nil {
		return err
	}
	if _, _, in, out := s.Dims(); in != out {
		return fmt.Errorf("a Residual whose stages go from width %d to %d, want the same twice, since both are added", in, out)
	}
	return nil
}

func (s Parallel) check() error {
	if err := checkParts("a Parallel", s); err != nil {
		return err
	}
	_, _, want, _ := s.Dims()
	for i, part := range s {
		if _, _, in, _ := dimsFor(part, want); in != want {
			return fmt.Errorf("a Parallel whose stage %d takes width %d, another %d, want the same for all", i, in, want)
		}
	}
	if want == 0 {
		return fmt.Errorf("a Parallel none of whose %d stages says its width; let one begin with a stage that has one, as Sequential{norm, PoolMean{}} does with a *LayerNorm", len(s))
	}
	return nil
}

// Bind makes the Sequential a Net for a chain: see Unsized.
func (s Sequential) Bind(b *Binding) (Net, error) {
	m, err := b.chain(s)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// chain makes a chain of stages within the one that b is of.
func (b *Binding) chain(stages []Stage) (*Model, error) {
	m, err := newModel(setting{steps: b.Steps, batch: b.Batch, width: b.Width, sized: true, infer: b.Infer, frozen: b.group.frozen, emb: b.emb}, stages)
	if err != nil {
		return nil, within{err}
	}
	return m, nil
}

// within is an error of a chain in another, whose text says the package already.
type within struct{ error }

func (e within) Error() string { return strings.TrimPrefix(e.error.Error(), "nn: ") }
func (e within) Unwrap() error { return e.error }

// Bind makes the Residual a Net for a chain: see Unsized.
func (s Residual) Bind(b *Binding) (Net, error) {
	m, err := b.chain(s)
	if err != nil {
		return nil, err
	}
	r := &residual{Model: m}
	r.part = r.add
	return r, nil
}

// residual is a Residual within one chain.
type residual struct {
	*Model
	sum, other []float32
	part       func(w, n int)
}

func (r *residual) Forward(y, x []float32) {
	r.Model.Forward(y, x)
	r.run(y, x)
}

func (r *residual) Backward(dx, dy []float32) {
	r.Model.Backward(dx, dy)
	if dx != nil {
		r.run(dx, dy)
	}
}

// run adds other to sum.
func (r *residual) run(sum, other []float32) {
	r.sum, r.other = sum, other
	r.team.Run(r.isa, elementWork*len(sum), r.part)
	r.rows.clearPadding(sum, r.in)
}

func (r *residual) add(w, n int) {
	lo, hi := split.Share(len(r.sum), block, w, n)
	r.isa.AddFlush(r.sum[lo:hi], r.sum[lo:hi], r.other[lo:hi])
}

// NewPredictor returns the Residual for one step at a time.
func (r *residual) NewPredictor(batch int) (any, error) {
	p, err := r.Model.Predictor(batch)
	if err != nil {
		return nil, err
	}
	return &residualPredictor{p}, nil
}

type residualPredictor struct{ *ModelPredictor }

func (p *residualPredictor) Step(y, x []float32) {
	p.ModelPredictor.Step(y, x)
	p.isa.AddFlush(y, y, x)
}

// Bind makes the Parallel a Net for a chain: see Unsized.
func (s Parallel) Bind(b *Binding) (Net, error) {
	_, _, _, out := s.Dims()
	n := &parallel{group: newGroup(b.Steps, b.Batch, b.Infer, b.group.frozen), in: b.Width, out: out}
	for i, part := range s {
		if err := n.add(i, part, b.Width, b.emb, false, true); err != nil {
			return nil, within{err}
		}
	}
	n.complete()
	n.gather, n.deal, n.added = n.gatherRows, n.dealRows, n.addInput
	if !b.Infer && len(s) > 1 {
		n.dx = pages.Floats(b.Steps * b.Batch * b.Width)
	}
	return n, nil
}

// parallel is a Parallel within one chain.
type parallel struct {
	group
	in, out int
	dx      []float32 // of one stage

	// The arguments of the current call, for the parts of it.
	y, dy, sum, other   []float32
	gather, deal, added func(w, of int)
}

func (n *parallel) Dims() (steps, batch, in, out int) { return n.steps, n.batch, n.in, n.out }

func (n *parallel) Forward(y, x []float32) {
	rows := len(y) / n.out
	n.begin(rows / max(1, n.batch))
	for _, l := range n.links {
		l.net.Forward(l.y[:rows*l.out], x)
	}
	n.y = y
	n.team.Run(n.isa, elementWork*len(y), n.gather)
}

// gatherRows puts the outputs of the stages side by side.
func (n *parallel) gatherRows(w, of int) {
	lo, hi := split.Share(len(n.y)/n.out, 1, w, of)
	n.eachPart(lo, hi, n.y, func(l *link, p int, part []float32) { copy(part, l.y[p*l.out:]) })
}

// dealRows gives each stage its part of dy.
func (n *parallel) dealRows(w, of int) {
	lo, hi := split.Share(len(n.dy)/n.out, 1, w, of)
	n.eachPart(lo, hi, n.dy, func(l *link, p int, part []float32) { copy(l.dy[p*l.out:], part) })
}

// eachPart calls f for the part of each stage of rows lo to hi of v.
func (n *parallel) eachPart(lo, hi int, v []float32, f func(l *link, p int, part []float32)) {
	for p := lo; p < hi; p++ {
		row := v[p*n.out:][:n.out]
		for _, l := range n.links {
			f(l, p, row[:l.out])
			row = row[l.out:]
		}
	}
}

func (n *parallel) Backward(dx, dy []float32) {
	rows := len(dy) / n.out
	n.beginBack()
	n.dy = dy
	n.team.Run(n.isa, elementWork*len(dy), n.deal)
	for i, l := range n.links {
		part := l.dy[:rows*l.out]
		if i == 0 || dx == nil {
			l.net.Backward(dx, part)
			continue
		}
		n.sum, n.other = dx, n.dx[:len(dx)]
		l.net.Backward(n.other, part)
		n.team.Run(n.isa, elementWork*len(dx), n.added)
	}
	n.sums.Run(n.team.Workers())
}

func (n *parallel) addInput(w, of int) {
	lo, hi := split.Share(len(n.sum), block, w, of)
	n.isa.AddFlush(n.sum[lo:hi], n.sum[lo:hi], n.other[lo:hi])
}

// NewPredictor returns the Parallel for one step at a time.
func (n *parallel) NewPredictor(batch int) (any, error) {
	if width := max(n.out, n.widest()); batch < 0 || batch > maxElements/width {
		return nil, fmt.Errorf("nn: a predictor for %d rows, want 0 to %d for stages of width %d", batch, maxElements/width, width)
	}
	p := &parallelPredictor{out: n.out}
	var err error
	if p.predictors, err = n.predictors(batch, func(int) bool { return true }); err != nil {
		return nil, err
	}
	return p, nil
}

type parallelPredictor struct {
	predictors
	out int
}

func (p *parallelPredictor) Step(y, x []float32) {
	first := 0
	for _, l := range p.links {
		l.net.Step(l.y, x)
		for row := 0; row*p.out < len(y); row++ {
			copy(y[row*p.out+first:][:l.out], l.y[row*l.out:])
		}
		first += l.out
	}
}
