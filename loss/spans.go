package loss

import (
	"fmt"
	"strings"

	"github.com/simdrnn/simdrnn/data"
)

// Spans counts labelled spans, names in a text say, whose tags are classes: Scores of
// the spans that the targets label, that the outputs find, and that both have, with the
// same beginning, end and kind. Its Value is their F1, over all kinds together.
//
// A tag is "O", outside of any span, or a place and a kind, "B-person". The places are B,
// the first of a span, and I, inside; in schemes that mark the end also E, the last of
// several, and S, a span of one. A place without a kind, "B", is of a kind "". Where spans
// begin and end is, with B, I and O, what the script conlleval of the CoNLL shared tasks
// counts (Tjong Kim Sang and Buchholz, 2000), also where tags do not follow the scheme: a span begins at B and S, and at any other tag that has another kind
// than the tag before, or follows O, E or S; it ends with E and S, and before O, B, S and a
// tag of another kind. So IOB2 (BIO), IOB1, IO and BIOES are all read as they are.
//
// A row of a batch goes on with the span of the batch before, unless Reset or Resets say that the
// row begins anew. Steps that are not counted are taken out, as if they were not there. An
// output of NaN alone is "O".
type Spans struct {
	tags []tag

	done  map[string]*Scores // of spans that have ended
	kinds []string
	rows  []spanState
	next  []int // of each row: which of its Resets comes next
}

type tag struct {
	place byte // B I E S O
	kind  string
}

// spanState is where a row is.
type spanState struct {
	target, output tag  // of the step before
	both           bool // a span that has begun in both, alike so far
}

// NewSpans returns the counts, all 0, for classes with these tags: class i has tags[i].
func NewSpans(tags []string) (*Spans, error) {
	if len(tags) == 0 {
		return nil, fmt.Errorf("loss: spans without tags, want one for each class")
	}
	m := &Spans{done: map[string]*Scores{}}
	for i, name := range tags {
		place, kind, _ := strings.Cut(name, "-")
		if name != "O" && (len(place) != 1 || !strings.Contains("BIES", place)) {
			return nil, fmt.Errorf("loss: tag %d is %q, want O, or B, I, E or S, a hyphen and a kind", i, name)
		}
		m.tags = append(m.tags, tag{place[0], kind})
		if name != "O" && m.done[kind] == nil {
			m.done[kind] = new(Scores)
			m.kinds = append(m.kinds, kind)
		}
	}
	return m, nil
}

// Kinds returns the kinds of spans, in the order in which they occur among the tags.
func (m *Spans) Kinds() []string { return append([]string(nil), m.kinds...) }

// Add implements Metric. It counts also what of a span is still open at the end of the
// batch, as Scores says.
func (m *Spans) Add(y []float32, b *data.Batch) error {
	if b == nil {
		return errNoBatch
	}
	if rows := b.Steps * b.Rows; len(y) != rows*len(m.tags) {
		return fmt.Errorf("loss: %d outputs for %d steps, want one for each of %d tags", len(y), rows, len(m.tags))
	}
	if b.Reset != nil && len(b.Reset) != b.Rows {
		return fmt.Errorf("loss: a batch with %d reset flags, want %d", len(b.Reset), b.Rows)
	}
	if b.Resets != nil && len(b.Resets) != b.Rows {
		return fmt.Errorf("loss: a batch with resets of %d rows, want those of %d", len(b.Resets), b.Rows)
	}
	if m.rows != nil && len(m.rows) != b.Rows {
		return fmt.Errorf("loss: a batch of %d rows after one of %d; Reset begins anew", b.Rows, len(m.rows))
	}
	first := m.rows == nil
	if first {
		m.rows = make([]spanState, b.Rows)
		for r := range m.rows {
			m.rows[r] = spanState{target: outside, output: outside}
		}
	}
	ready := false
	begin := func() { // when classes has found no error
		if ready {
			return
		}
		ready = true
		for r, reset := range b.Reset {
			if reset {
				m.step(r, outside, outside)
			}
		}
		clear(grown(&m.next, b.Rows))
	}
	err := classes(y, b, func(p, target, output int) {
		begin()
		found := outside
		if output >= 0 {
			found = m.tags[output]
		}
		m.closeBefore(b, p%b.Rows, p/b.Rows+1)
		m.step(p%b.Rows, m.tags[target], found)
	})
	if err != nil {
		if first {
			m.rows = nil
		}
		return err
	}
	begin()
	for r := range b.Rows {
		m.closeBefore(b, r, b.Steps)
	}
	return nil
}

// closeBefore ends what is open in a row of b that begins anew before that step.
func (m *Spans) closeBefore(b *data.Batch, row, step int) {
	if b.Resets == nil {
		return
	}
	list := b.Resets[row]
	for ; m.next[row] < len(list) && list[m.next[row]] < step; m.next[row]++ {
		m.step(row, outside, outside)
	}
}

var outside = tag{place: 'O'}

// step counts what begins and ends in a row at a step with these tags.
func (m *Spans) step(row int, target, output tag) {
	s := &m.rows[row]
	if s.both {
		ends, found := ended(s.target, target), ended(s.output, output)
		if ends && found {
			m.done[s.target.kind].Right++
		}
		s.both = !ends && !found
	}
	begins, finds := begun(s.target, target), begun(s.output, output)
	if begins {
		m.done[target.kind].Labelled++
	}
	if finds {
		m.done[output.kind].Found++
	}
	if begins && finds && target.kind == output.kind {
		s.both = true
	}
	s.target, s.output = target, output
}

// ended says whether a span that before belongs to has ended with it.
func ended(before, now tag) bool {
	return before.place == 'E' || before.place == 'S' ||
		now.place == 'O' || now.place == 'B' || now.place == 'S' || now.kind != before.kind
}

// begun says whether a span begins with now.
func begun(before, now tag) bool {
	if now.place == 'O' {
		return false
	}
	return now.place == 'B' || now.place == 'S' ||
		before.place == 'O' || before.place == 'E' || before.place == 'S' || now.kind != before.kind
}

// Kind returns the counts of one kind, and all 0 for a kind that no tag has. A span that is
// open at the end of the last batch counts as one that ends there.
func (m *Spans) Kind(kind string) (s Scores) {
	if done := m.done[kind]; done != nil {
		s = *done
	}
	for _, r := range m.rows {
		if r.both && r.target.kind == kind {
			s.Right++
		}
	}
	return s
}

// Scores returns the counts of all kinds together.
func (m *Spans) Scores() (s Scores) {
	for _, kind := range m.kinds {
		k := m.Kind(kind)
		s.Labelled, s.Found, s.Right = s.Labelled+k.Labelled, s.Found+k.Found, s.Right+k.Right
	}
	return s
}

// Value is the F1 of all kinds together.
func (m *Spans) Value() float64 { return m.Scores().F1() }

// Reset implements Metric.
func (m *Spans) Reset() {
	for _, s := range m.done {
		*s = Scores{}
	}
	m.rows = nil
}
