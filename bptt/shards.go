package bptt

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/loss"
	"github.com/simdrnn/simdrnn/nn"
)

// shards are those of Plan.Shards that this rank runs, one after another, through one net.
type shards struct {
	t      *Trainer
	rows   int // of a batch of the data
	number int // of shards, of all ranks
	own    []*shard
	loaded *shard // whose state, clock, masks and window the net and the Trainer have
	sum    *dist.Sum
	grads  [][]float32
	begins []int       // of each gradient, its place in the sum, and the end
	told   func(n int) // what the net calls where it tells its gradients; nil if it cannot
	passOf []int       // the pass over the data that each window of an update is of
}

// A shard is some rows of every batch.
type shard struct {
	lo, hi  int      // rows of the batch
	ids     []uint32 // of these rows, for random masks
	state   [][]float32
	marks   marks
	win     window
	batches []data.Batch // windows of an update
	totals  []counted    // of them

	// Before the update.
	held   held
	before marks
}

// marks are what random masks are drawn from, nil without them.
type marks struct{ clock, masks []uint64 }

// counted is what a window of a shard counts.
type counted struct {
	loss.Total
	rows int
}

// newShards returns nil for a plan without shards.
func newShards(t *Trainer, rows int) (*shards, error) {
	if t.plan.Shards == 0 {
		return nil, nil
	}
	p := &shards{t: t, rows: rows, number: t.plan.Shards, passOf: make([]int, 0, t.plan.Accumulate)}
	var lengths []int
	at := 0
	for _, q := range t.grads.params {
		p.grads, p.begins = append(p.grads, q.G), append(p.begins, at)
		at += len(q.G)
		lengths = append(lengths, len(q.G))
	}
	p.begins = append(p.begins, at)
	if t.ranks.several() && t.grads.sums == nil && inOrder(t.net, t.grads.params) {
		p.told = func(n int) {
			if n < 0 || n >= len(p.begins) {
				panic(fmt.Sprintf("bptt: a %T told that the gradients from parameter %d on are complete, want 0 to %d, the number of its parameters", t.net, n, len(p.begins)-1))
			}
			p.sum.Complete(p.begins[n])
		}
	}
	var err error
	if p.sum, err = dist.NewSum(t.ranks.group, p.number, lengths); err != nil {
		return nil, fmt.Errorf("bptt: Plan.Shards: %w", err)
	}
	if t.masked != nil {
		if _, ok := t.net.(rowIDs); !ok {
			return nil, fmt.Errorf("bptt: Plan.Shards with a %T, whose random masks cannot follow the rows of a batch: it has no SetRowIDs", t.net)
		}
	}
	first, end := p.sum.Shards()
	for i := first; i < end; i++ {
		s := &shard{state: t.net.State(), marks: t.marks(), batches: make([]data.Batch, t.plan.Accumulate), totals: make([]counted, t.plan.Accumulate)}
		s.lo, s.hi = dist.Part(rows, p.number, i)
		for r := range t.batch {
			s.ids = append(s.ids, uint32(s.lo+r))
		}
		s.win.init(t)
		s.held.init(t)
		p.own = append(p.own, s)
	}
	t.held.state = nil // that of each shard is kept
	return p, p.load(p.own[0])
}

// inOrder says whether the net reports the parameters once each, as the list has them.
func inOrder(net nn.Net, list []nn.Param) bool {
	n := 0
	net.EachParam(func(string, []float32, []float32) { n++ })
	return n == len(list)
}

type rowIDs interface{ SetRowIDs(ids []uint32) error }

// rowsOf returns the rows of the batches of a source, which Plan.Shards needs to know
// beforehand, and an error if the net has not the rows of a shard of them.
func rowsOf(source data.Source, number, rows int) (n int, err error) {
	defer catch("Source.Rows", &err)
	d, ok := source.(interface{ Rows() int })
	if !ok {
		return 0, fmt.Errorf("bptt: Plan.Shards with a %T, which has no method Rows; it says how many rows a batch has", source)
	}
	n = d.Rows()
	if most := (n + number - 1) / number; n < number {
		return 0, fmt.Errorf("bptt: the data has batches of %d rows, which are too few for the %d of Plan.Shards; use fewer shards", n, number)
	} else if most != rows {
		return 0, fmt.Errorf("bptt: the data has batches of %d rows, of which each of the %d of Plan.Shards has %d at most, and the net has %d; make a net of %d rows", n, number, most, rows, most)
	}
	return n, nil
}

// marks are those that the net has.
func (t *Trainer) marks() marks {
	if t.masked == nil {
		return marks{}
	}
	return marks{clock: t.masked.Clock(), masks: t.masked.MaskState()}
}

// set gives the net what random masks are drawn from.
func (t *Trainer) set(m marks, ids []uint32) error {
	if t.masked == nil {
		return nil
	}
	if err := t.net.(rowIDs).SetRowIDs(ids); err != nil {
		return err
	}
	if err := t.masked.SetMaskState(m.masks); err != nil {
		return err
	}
	return t.masked.SetClock(m.clock)
}

// load makes s the shard that the net works on.
func (p *shards) load(s *shard) error {
	if p.loaded == s {
		return nil
	}
	p.store()
	if err := p.t.net.SetState(s.state); err != nil {
		return err
	}
	if err := p.t.set(s.marks, s.ids); err != nil {
		return err
	}
	p.loaded, p.t.win = s, s.win
	return nil
}

// store keeps what the shard that the net works on has come to.
func (p *shards) store() {
	if s := p.loaded; s != nil {
		nn.CopyState(p.t.net, s.state)
		s.marks, s.win = p.t.marks(), p.t.win
	}
}

// update is that of a Trainer.
func (p *shards) update() (Progress, error) {
	t := p.t
	t.held.take(t)
	p.take()
	windows, err := p.read()
	if windows == 0 && err == nil {
		return Progress{}, errPassEnded
	}
	if err == nil {
		err = p.run(windows)
	}
	if err != nil {
		err = t.where(err)
	}
	total, rows, err := p.count(windows, err)
	if err != nil {
		t.held.forget(t)
		return Progress{}, withError(err, p.giveUp())
	}
	if err := p.last(windows); err != nil {
		return Progress{}, err
	}
	return t.apply(total, rows)
}

// Cost returns what the exchange of gradients has taken of this rank so far: nothing without
// Plan.Shards.
func (t *Trainer) Cost() dist.Cost {
	if t.parts == nil {
		return dist.Cost{}
	}
	return t.parts.sum.Cost()
}

// take keeps what there is before an update.
func (p *shards) take() {
	p.store()
	for _, s := range p.own {
		for i := range s.held.state {
			copy(s.held.state[i], s.state[i])
		}
		clear(s.held.fresh)
		s.before = s.marks
	}
}

// read reads the windows of an update and cuts out the rows of each shard.
func (p *shards) read() (windows int, err error) {
	t := p.t
	for p.passOf = p.passOf[:0]; windows < t.plan.Accumulate; windows++ {
		err := t.fetch(windows > 0)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = checkBatch(t.net, &t.next, t.stepsOfBatch(), p.rows, t.in, t.out)
		}
		if err != nil {
			return windows, err
		}
		p.passOf = append(p.passOf, len(t.passes)-1)
		for _, s := range p.own {
			if err := t.next.CutRows(&s.batches[windows], s.lo, s.hi, t.batch); err != nil {
				return windows, err
			}
		}
	}
	return windows, nil
}

// run runs all shards forward and back, but for the way back of the last window of the last
// one.
func (p *shards) run(windows int) error {
	t := p.t
	for i, s := range p.own {
		if err := p.load(s); err != nil {
			return err
		}
		t.net.ZeroGrads()
		for w := range windows {
			t.next = s.batches[w]
			s.held.begun(&t.next)
			if err := t.win.add(t); err != nil {
				return err
			}
			var err error
			if s.totals[w].Total, s.totals[w].rows, err = t.there(); err != nil {
				return err
			}
			if w < windows-1 || i < len(p.own)-1 {
				t.back()
			}
		}
		if i < len(p.own)-1 {
			p.sum.Add(p.grads)
		}
	}
	return nil
}

// last is the way back that run has left, and the sum over all shards.
func (p *shards) last(windows int) error {
	t := p.t
	p.sum.Start(p.grads)
	// What later layers and stages have is exchanged while earlier ones are at work.
	tells := p.told != nil && nn.OnGradients(t.net, p.told)
	t.back()
	if tells {
		nn.OnGradients(t.net, nil)
	}
	p.sum.Complete(0)
	if err := p.sum.Wait(); err != nil {
		t.ranks.told = fmt.Errorf("bptt: the sum of the gradients: %w", err)
		return t.ranks.told
	}
	return nil
}

// count tells the ranks what each shard has counted, and adds it up: the shards in ascending
// order, and then the windows. An error of any rank is one of all.
func (p *shards) count(windows int, err error) (total loss.Total, rows int, _ error) {
	t := p.t
	var b []byte
	for w := range windows {
		for _, s := range p.own {
			b = s.totals[w].append(b)
		}
	}
	all, err := t.ranks.gather(fmt.Sprintf("update %d of %d windows in pass %d", t.step+1, windows, t.epoch+1), b, err)
	if err != nil {
		return total, 0, err
	}
	if err := t.ranks.expect(all, func(rank int) int { return windows * p.bytesOf(rank, len(all)) }); err != nil {
		return total, 0, err
	}
	for w := range windows {
		var of counted
		for rank, b := range all {
			each := p.bytesOf(rank, len(all))
			for b = b[w*each:][:each]; len(b) > 0; b = b[countedBytes:] {
				of = of.plus(b)
			}
		}
		t.passes[p.passOf[w]].add(of.Total)
		total, rows = total.Plus(of.Total), rows+of.rows
	}
	return total, rows, nil
}

// bytesOf is the length of what a rank tells of its shards.
func (p *shards) bytesOf(rank, ranks int) int {
	first, end := dist.Part(p.number, ranks, rank)
	return (end - first) * countedBytes
}

// countedBytes is the length of what append appends.
const countedBytes = 32

func (c counted) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.Sum))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.Weight))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.Terms))
	return binary.LittleEndian.AppendUint64(b, uint64(c.rows))
}

// plus adds what append has appended to b.
func (c counted) plus(b []byte) counted {
	d := loss.Total{
		Sum:    math.Float64frombits(binary.LittleEndian.Uint64(b)),
		Weight: math.Float64frombits(binary.LittleEndian.Uint64(b[8:])),
		Terms:  int(binary.LittleEndian.Uint64(b[16:])),
	}
	return counted{c.Plus(d), c.rows + int(binary.LittleEndian.Uint64(b[24:]))}
}

// giveUp takes all shards back to what they were before an update that is given up, of which
// the ranks have made parts that differ.
func (p *shards) giveUp() error {
	for _, s := range p.own {
		for i := range s.held.state {
			copy(s.state[i], s.held.state[i])
		}
		s.marks = s.before
		if s == p.loaded {
			s.win = p.t.win
		}
		s.win.giveUp()
	}
	p.loaded = nil
	return p.load(p.own[0])
}

// putBack is that of held, for all shards.
func (p *shards) putBack() error {
	for _, s := range p.own {
		if err := p.load(s); err != nil {
			return err
		}
		p.t.win.giveUp()
		if err := s.held.restore(p.t); err != nil {
			return err
		}
	}
	return nil
}
