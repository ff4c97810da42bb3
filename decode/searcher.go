package decode

import (
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// A Searcher searches for the best continuations of as many prompts at a time as its model
// has Width rows for. Rows g*Width to g*Width+Width-1 are those of prompt g, its
// group. It can be used again and again, and belongs to one goroutine.
//
// A Searcher does not reset the model: a group begins from the state that its first row
// has, which the other rows of the group take over. For a sequence-to-sequence model,
// set that state before each Search. What a decoder holds beside
// its state, such as what it pays attention to, must be the same in all rows of a group.
type Searcher struct {
	p          Reorderer
	how        Beam
	vocabulary int
	isa        kernels.ISA

	penalty, largest []float64 // of a text of n symbols; of n or more
	stop, forbid     []bool    // [vocabulary]
	excluded         []bool
	ends, goes       shortlist
	text             []int32

	groups []group
	logits []float32 // [batch][vocabulary]
	probs  []float32
	next   []int32 // what the rows read
	src    []int   // whose state the rows take over
}

// A group is the search for one prompt.
type group struct {
	prompt   []int32
	read     int
	live     []float64 // log-probability of each text
	length   int       // symbols of each text
	nodes    []node    // [length][Width]: the last symbols of the texts of each step
	found    []Hypothesis
	finished int // by a stop symbol
	done     bool
}

type node struct {
	id     int32
	parent int32 // place in the step before
}

// NewSearcher returns a Searcher on the rows of p, whose number is a multiple of Width.
// It returns an error for another number, for a model that takes no ids, and for bad
// settings.
func NewSearcher(p Reorderer, how Beam) (*Searcher, error) {
	batch, vocabulary, err := sizes(p)
	if err != nil {
		return nil, err
	}
	if err := how.check(vocabulary); err != nil {
		return nil, err
	}
	if batch%how.Width != 0 {
		return nil, fmt.Errorf("decode: a model of %d rows for a beam of width %d, want a multiple of the width: as many rows for each prompt", batch, how.Width)
	}
	how.Best = max(1, how.Best)
	s := &Searcher{
		p: p, how: how, vocabulary: vocabulary, isa: kernels.Current(),
		stop: make([]bool, vocabulary), forbid: make([]bool, vocabulary), excluded: make([]bool, vocabulary),
		ends: newShortlist(how.Width), goes: newShortlist(how.Width),
		groups: make([]group, batch/how.Width),
		logits: make([]float32, batch*vocabulary), probs: make([]float32, vocabulary),
		next: make([]int32, batch), src: make([]int, batch),
	}
	if s.penalty, s.largest, err = how.penalties(); err != nil {
		return nil, err
	}
	for _, id := range how.Stop {
		s.stop[id] = true
	}
	for _, id := range how.Forbid {
		s.forbid[id] = true
	}
	return s, nil
}

// Search returns the Best texts after prompt, the best first, by a beam search on p, which
// has Width rows. See Searcher for the state that it begins from, and Searcher.Search for
// the errors.
func Search(p Reorderer, prompt []int32, how Beam) ([]Hypothesis, error) {
	s, err := NewSearcher(p, how)
	if err != nil {
		return nil, err
	}
	found, err := s.Search(prompt)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Search returns for each prompt the Best texts that follow it, the best first. A prompt
// has at least one symbol, such as a begin symbol; prompts may differ in length. No text
// is found where Forbid and Exclude leave none.
//
// The state that it leaves serves no purpose: set or reset it for the next search. It
// returns an error for another number of prompts than groups, for an empty prompt and a
// bad id (a *data.IDError whose Row is the number of the prompt), all of them before p
// moves, and for logits that are NaN, +Inf, or all -Inf.
func (s *Searcher) Search(prompts ...[]int32) ([][]Hypothesis, error) {
	if s == nil {
		return nil, nilcheck.Receiver("decode", "Searcher", "Search")
	}
	if len(prompts) != len(s.groups) {
		return nil, fmt.Errorf("decode: %d prompts for %d groups of %d rows, want one for each", len(prompts), len(s.groups), s.how.Width)
	}
	for g, prompt := range prompts {
		if len(prompt) == 0 {
			return nil, fmt.Errorf("decode: prompt %d is empty, want the symbols before the text, such as a begin symbol", g)
		}
		if err := checkIDs(prompt, s.vocabulary, 0, g); err != nil {
			return nil, err
		}
	}
	for g, prompt := range prompts {
		group := &s.groups[g]
		*group = group.begin(prompt)
	}
	for s.follow() {
		if err := s.p.StepIDs(s.logits, s.next); err != nil {
			return nil, err
		}
		for g := range s.groups {
			if err := s.extend(g); err != nil {
				return nil, err
			}
		}
	}
	results := make([][]Hypothesis, len(s.groups))
	for g := range s.groups {
		results[g], s.groups[g].found, s.groups[g].prompt = s.groups[g].found, nil, nil
	}
	return results, nil
}

// begin is a group before its search, with the memory of the last one.
func (g *group) begin(prompt []int32) group {
	return group{prompt: prompt, live: append(g.live[:0], 0), nodes: g.nodes[:0]}
}

// follow sets what the rows read next, gives them the states that the texts need, and
// reports whether there is a search to go on with.
func (s *Searcher) follow() bool {
	width := s.how.Width
	goes, moved := false, false
	for g := range s.groups {
		group := &s.groups[g]
		ids, src := s.next[g*width:][:width], s.src[g*width:][:width]
		for i := range src {
			ids[i], src[i] = 0, g*width+i // a row without a text reads any id
		}
		switch {
		case group.done:
			continue
		case group.read < len(group.prompt):
			for i := range ids {
				ids[i] = group.prompt[group.read]
			}
			group.read++
		default:
			for i, n := range group.nodes[(group.length-1)*width:][:len(group.live)] {
				ids[i], src[i] = n.id, g*width+int(n.parent)
				moved = moved || int(n.parent) != i
			}
		}
		goes = true
	}
	if goes && moved {
		s.p.Reorder(s.src)
	}
	return goes
}

// extend makes the texts of group g one symbol longer, by the logits of its rows.
func (s *Searcher) extend(g int) error {
	group, width := &s.groups[g], s.how.Width
	if group.done || group.read < len(group.prompt) {
		return nil
	}
	s.ends.list, s.goes.list = s.ends.list[:0], s.goes.list[:0] // an error may have left some
	for beam, score := range group.live {
		x := s.logits[(g*width+beam)*s.vocabulary:][:s.vocabulary]
		if err := checkLogits(x); err != nil {
			return fmt.Errorf("decode: prompt %d, text %d after %d symbols: %w", g, beam, group.length, err)
		}
		excluded := s.forbid
		if s.how.Exclude != nil {
			excluded = s.excluded
			copy(excluded, s.forbid)
			s.text = group.text(s.text[:0], width, beam)
			s.how.Exclude(g, s.text, excluded)
		}
		top, logSum := logSoftmax(s.isa, s.probs, x)
		for id, v := range x {
			if excluded[id] || v == negInf {
				continue
			}
			c := candidate{score + logProb(v, top, logSum), int32(id), int32(beam)}
			if s.stop[id] {
				s.ends.add(c)
			} else {
				s.goes.add(c)
			}
		}
	}
	ends, goes := s.ends.sorted(), s.goes.sorted()
	for i, c := range ends {
		// It comes after i others that end, and these that do not.
		before, _ := slices.BinarySearchFunc(goes, c, compare)
		if i+before >= width {
			break
		}
		group.finished++
		s.finish(group, c.score, int(c.beam), c.id)
	}
	group.live = group.live[:0]
	for _, c := range goes {
		group.live = append(group.live, c.score)
		group.nodes = append(group.nodes, node{c.id, c.beam})
	}
	group.length++
	group.nodes = slices.Grow(group.nodes, group.length*width-len(group.nodes))[:group.length*width]
	if group.length == s.how.Most {
		for beam, score := range group.live {
			s.finish(group, score, beam, None)
		}
		group.done = true
	}
	group.done = group.done || len(group.live) == 0 || s.decided(group)
	return nil
}

// decided reports whether no text of the group can become one that is returned.
func (s *Searcher) decided(g *group) bool {
	if s.how.Eager && g.finished >= s.how.Width {
		return true
	}
	if len(g.found) < s.how.Best {
		return false
	}
	// No symbol makes a text more likely, and no Penalty to come is larger.
	return g.found[s.how.Best-1].Score >= g.live[0]/s.largest[g.length+1]
}

// finish puts a text of the group, followed by a stop symbol or None, among those that were
// found, if it is good enough.
func (s *Searcher) finish(g *group, logProb float64, beam int, stop int32) {
	length := g.length
	if stop != None {
		length++
	}
	score := logProb / s.penalty[length]
	at := 0
	for at < len(g.found) && g.found[at].Score >= score {
		at++
	}
	if at == s.how.Best {
		return
	}
	h := Hypothesis{IDs: g.text(make([]int32, 0, length), s.how.Width, beam), LogProb: logProb, Score: score, Ended: stop != None}
	if h.Ended {
		h.IDs = append(h.IDs, stop)
	}
	if len(g.found) == s.how.Best {
		g.found = g.found[:s.how.Best-1]
	}
	g.found = slices.Insert(g.found, at, h)
}

// text appends the symbols of a text of the last step to dst.
func (g *group) text(dst []int32, width, beam int) []int32 {
	dst = slices.Grow(dst, g.length)[:g.length]
	for i := g.length - 1; i >= 0; i-- {
		n := g.nodes[i*width+beam]
		dst[i], beam = n.id, int(n.parent)
	}
	return dst
}
