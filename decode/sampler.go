package decode

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// None is what Step gives for a row that has drawn nothing.
const None int32 = -1

// A Sampler writes a text on each row of a model, greedily or by drawing. After it is
// made it allocates only for a prompt that is longer than those before.
//
// A row begins with Start. Each Step then reads one symbol of its prompt or draws one,
// until the row draws a stop symbol or is halted. Rows need not begin together, and
// their prompts may differ in length. A row that has ended can begin another text while
// the others go on. Sample and Generate do all of that for one row, and for all.
//
// The Sampler never sets the state of the model. A text begins from the state that its row
// has at Start. To begin from another, call Reset or SetState of the model before
// Start, in which the other rows must be left as they are. The state of a row that has
// ended is the one after its last symbol, until the next Step of other rows, which moves
// it to no purpose.
type Sampler struct {
	p       Stepper
	choice  chooser
	sources []*rand.Rand // one for all rows, or one for each
	rows    []row
	logits  []float32 // [batch][vocabulary], of the last step
	x       []float32 // the same as the choice is made from
	next    []int32   // what the model reads
	given   []int32   // what Step gives, for Sample and Generate
	moves   uint64    // of p after the last step
}

type row struct {
	prompt []int32
	read   int  // symbols of the prompt that the model has read
	live   bool // the row reads or draws
	ready  bool // its logits are those of its last symbol
	drawn  int  // symbols since Start
	seen   []bool
}

func (r *row) reading() bool { return r.read < len(r.prompt) }

// NewSampler returns a Sampler on the rows of p, none of which has begun. At a temperature
// above 0 the sources of random numbers are one for each row, which makes
// the text of a row independent of the other rows, or one for all. One Uint64 is taken
// for each symbol drawn, none at temperature 0; of a common source by rows ascending in
// each step, rows that draw nothing left out.
//
// It returns an error for a model that takes no ids, for bad settings, and for
// another number of sources.
func NewSampler(p Stepper, how Sampling, sources ...*rand.Rand) (*Sampler, error) {
	batch, vocabulary, err := sizes(p)
	if err != nil {
		return nil, err
	}
	if err := how.check(vocabulary); err != nil {
		return nil, err
	}
	if how.Temperature > 0 {
		if n := len(sources); n != 1 && n != batch {
			return nil, fmt.Errorf("decode: %d sources of random numbers for %d rows at a temperature above 0, want one for all, or one for each", n, batch)
		}
		for i, r := range sources {
			if r == nil {
				return nil, fmt.Errorf("decode: a temperature above 0 needs a source of random numbers, source %d is nil", i)
			}
		}
	}
	s := &Sampler{
		p: p, choice: newChooser(how, vocabulary), sources: slices.Clone(sources), rows: make([]row, batch),
		logits: make([]float32, batch*vocabulary), x: make([]float32, batch*vocabulary),
		next: make([]int32, batch), given: make([]int32, batch),
	}
	if s.choice.how.Repetition != 0 {
		for i := range s.rows {
			s.rows[i].seen = make([]bool, vocabulary)
		}
	}
	return s, nil
}

// Sample reads prompt on p, which has one row, and then draws symbols into dst until dst is
// full or a stop symbol is drawn, which is the last of the n. At temperature 0 r may be
// nil. A Sampler is for more than one text: it need not allocate anew, and goes on where
// it stopped.
//
// Arguments are checked first: on an error about them the state is as before. A bad
// id is a *data.IDError whose Step is its place in prompt. After an error about logits dst
// holds the n symbols drawn before it, and the model has the state after these.
func Sample(p Stepper, dst, prompt []int32, how Sampling, r *rand.Rand) (n int, err error) {
	s, err := NewSampler(p, how, r)
	if err != nil {
		return 0, err
	}
	return s.Sample(dst, prompt)
}

// Sample is the function of that name on a Sampler of one row. With an empty prompt it
// continues where the last Sample stopped, also after a stop symbol. It returns an error if
// nothing was read before, or if the state was moved by somebody else since.
func (s *Sampler) Sample(dst, prompt []int32) (n int, err error) {
	if s == nil {
		return 0, nilcheck.Receiver("decode", "Sampler", "Sample")
	}
	if len(s.rows) != 1 {
		return 0, fmt.Errorf("decode: Sample on %d rows, want 1; Generate is for several", len(s.rows))
	}
	if err := s.Start(0, prompt); err != nil {
		return 0, err
	}
	r := &s.rows[0]
	for r.reading() || r.live && n < len(dst) {
		if err := s.Step(s.given); err != nil {
			return n, err
		}
		if s.given[0] != None {
			dst[n] = s.given[0]
			n++
		}
	}
	r.live = false
	return n, nil
}

// Generate reads prompts, one for each row, and draws at most most symbols on each, until
// all rows have ended. emit is called for each symbol when the model has read it: step by
// step, and by rows ascending in a step. The error of emit ends Generate and is
// returned as it is. An empty prompt continues the text of the row if it ended in the
// last step; see Start.
//
// Prompts are checked first: on an error about them the state is as before. After another
// error the rows are as after the last step.
func (s *Sampler) Generate(prompts [][]int32, most int, emit func(row int, id int32) error) error {
	if s == nil {
		return nilcheck.Receiver("decode", "Sampler", "Generate")
	}
	if len(prompts) != len(s.rows) {
		return fmt.Errorf("decode: %d prompts for %d rows, want one for each", len(prompts), len(s.rows))
	}
	if most < 0 {
		return fmt.Errorf("decode: at most %d symbols, want 0 or more", most)
	}
	if emit == nil {
		return errors.New("decode: emit is nil, want a function that takes the symbols")
	}
	for i, prompt := range prompts {
		if err := s.checkStart(i, prompt); err != nil {
			return err
		}
	}
	for i, prompt := range prompts {
		s.start(i, prompt)
	}
	for {
		goes := false
		for i := range s.rows {
			if r := &s.rows[i]; !r.reading() && r.drawn >= most {
				r.live = false
			}
			goes = goes || s.rows[i].live
		}
		if !goes {
			return nil
		}
		if err := s.Step(s.given); err != nil {
			return err
		}
		for i, id := range s.given {
			if id != None {
				if err := emit(i, id); err != nil {
					return err
				}
			}
		}
	}
}

// Start begins a text on a row with a prompt, of which it keeps a copy; the
// next Steps read it. The text begins from the state that the row has, and the row may be
// in the middle of another one.
//
// Without a prompt the row goes on where it stopped. That is an error if the model
// has moved the row since: by a Step for other rows, or by a call of somebody else, where
// the model can tell (Moves). A bad id in prompt is a *data.IDError whose Step is its
// place. On an error nothing is changed. A row that there is not panics.
func (s *Sampler) Start(row int, prompt []int32) error {
	if s == nil {
		return nilcheck.Receiver("decode", "Sampler", "Start")
	}
	if err := s.checkStart(row, prompt); err != nil {
		return err
	}
	s.start(row, prompt)
	return nil
}

func (s *Sampler) checkStart(row int, prompt []int32) error {
	s.need("Start", row)
	if err := checkIDs(prompt, len(s.choice.probs), 0, row); err != nil {
		return err
	}
	if len(prompt) == 0 && !(s.rows[row].ready && s.moves == moves(s.p)) {
		return fmt.Errorf("decode: row %d needs a prompt to begin with: there are no logits of its state, since nothing was read or the state was moved", row)
	}
	return nil
}

func (s *Sampler) start(row int, prompt []int32) {
	r := &s.rows[row]
	r.live, r.drawn = true, 0
	if len(prompt) > 0 {
		r.prompt, r.read, r.ready = append(r.prompt[:0], prompt...), 0, false
		clear(r.seen)
	}
}

// Halt ends the text of a row. A row that there is not panics.
func (s *Sampler) Halt(row int) {
	s.need("Halt", row)
	s.rows[row].live = false
}

// Live reports whether a row has begun and not ended. A row that there is not panics.
func (s *Sampler) Live(row int) bool {
	s.need("Live", row)
	return s.rows[row].live
}

func (s *Sampler) need(what string, row int) {
	if row < 0 || row >= len(s.rows) {
		panic(fmt.Sprintf("decode: %s of row %d, want 0 to %d", what, row, len(s.rows)-1))
	}
}

// Step reads one symbol of the prompt on each row that has not read all of it, and draws
// one on each other row that is live. It sets ids [batch] to what was drawn, None for rows
// that drew nothing. Without a live row it does no more than that. It panics if ids has
// another length.
//
// An error about the logits of a row names it: nothing is drawn then, on no row, the model
// has not moved, and the other rows can go on after Halt of that row. After an
// error of the model likewise nothing has changed but the sources of random numbers.
func (s *Sampler) Step(ids []int32) error {
	if s == nil {
		return nilcheck.Receiver("decode", "Sampler", "Step")
	}
	if len(ids) != len(s.rows) {
		panic(fmt.Sprintf("decode: Step: ids has %d elements, want %d", len(ids), len(s.rows)))
	}
	v := len(s.choice.probs)
	goes := false
	for i := range s.rows {
		r := &s.rows[i]
		goes = goes || r.live
		if r.live && !r.reading() {
			if err := s.choice.prepare(s.x[i*v:][:v], s.logits[i*v:][:v], i, r.seen); err != nil {
				return fmt.Errorf("decode: row %d before symbol %d: %w", i, r.drawn, err)
			}
		}
	}
	for i := range ids {
		ids[i] = None
	}
	if !goes {
		return nil
	}
	for i := range s.rows {
		switch r := &s.rows[i]; {
		case !r.live:
			s.next[i] = 0 // what the row reads is of no use, but must be an id
		case r.reading():
			s.next[i] = r.prompt[r.read]
		default:
			s.next[i] = s.choice.choose(s.x[i*v:][:v], s.source(i))
		}
	}
	if err := s.p.StepIDs(s.logits, s.next); err != nil {
		return err
	}
	s.moves = moves(s.p)
	for i, id := range s.next {
		r := &s.rows[i]
		r.ready = r.live
		switch {
		case !r.live:
			continue
		case r.reading():
			r.read++
		default:
			ids[i] = id
			r.drawn++
			r.live = !slices.Contains(s.choice.how.Stop, id)
		}
		if r.seen != nil {
			r.seen[id] = true
		}
	}
	return nil
}

// source is where row i takes random numbers from; nil at temperature 0.
func (s *Sampler) source(i int) *rand.Rand {
	switch {
	case s.choice.how.Temperature == 0:
		return nil
	case len(s.sources) == 1:
		return s.sources[0]
	}
	return s.sources[i]
}

// moves is what a model that counts its moves says.
func moves(p Stepper) uint64 {
	if m, ok := p.(interface{ Moves() uint64 }); ok {
		return m.Moves()
	}
	return 0
}
