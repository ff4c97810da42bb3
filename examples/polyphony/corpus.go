package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// The notes of a piano, as MIDI numbers, and how many they are.
const (
	lowest  = 21
	highest = 108
	notes   = highest - lowest + 1
)

// A piece is a list of steps, a step the MIDI numbers of the notes that sound.
type piece [][]int

// A corpus is pieces in parts.
type corpus struct {
	name               string
	train, valid, test []data.Sequence
	least              []float64 // of the three parts: what the rule reaches; nil for a file
}

// parts are the parts in their order.
func (c *corpus) parts() [3][]data.Sequence {
	return [...][]data.Sequence{c.train, c.valid, c.test}
}

// partNames are the names of the parts in files.
var partNames = [...]string{"train", "valid", "test"}

// read reads the music that the flags name, or makes it.
func (o *options) read() (*corpus, error) {
	if o.data == "" {
		return made(o.pieces)
	}
	content, err := program.ReadFile("data", o.data)
	if err != nil {
		return nil, err
	}
	c, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; name a file of pieces with -data", o.data, err)
	}
	c.name = o.data
	return c, nil
}

// decode reads a file.
func decode(content []byte) (*corpus, error) {
	var file map[string][]piece
	if err := json.Unmarshal(content, &file); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("no JSON at byte %d: %w", syntax.Offset, err)
		}
		return nil, fmt.Errorf("no lists of pieces, of steps, of MIDI numbers: %w", err)
	}
	c := &corpus{}
	for i, to := range []*[]data.Sequence{&c.train, &c.valid, &c.test} {
		pieces := file[partNames[i]]
		if len(pieces) == 0 {
			return nil, fmt.Errorf("%q has no pieces, want at least one in each of %q", partNames[i], partNames)
		}
		for n, p := range pieces {
			s, err := p.sequence()
			if err != nil {
				return nil, fmt.Errorf("piece %d of %q: %w", n, partNames[i], err)
			}
			*to = append(*to, s)
		}
	}
	return c, nil
}

// sequence is a piece as it is learned: the notes of each step from those of the step before,
// and of the first step from silence. X and Y are the same memory, a step apart.
func (p piece) sequence() (data.Sequence, error) {
	if len(p) == 0 {
		return data.Sequence{}, errors.New("it has no steps")
	}
	roll := make([]float32, (len(p)+1)*notes)
	for t, step := range p {
		for _, n := range step {
			if n < lowest || n > highest {
				return data.Sequence{}, fmt.Errorf("step %d has the note %d, want MIDI numbers from %d to %d", t, n, lowest, highest)
			}
			roll[(t+1)*notes+n-lowest] = 1
		}
	}
	return data.Sequence{Steps: len(p), X: roll[:len(p)*notes], Y: roll[notes:]}, nil
}

// made returns pieces by the rule.
func made(n int) (*corpus, error) {
	r := rand.New(rand.NewPCG(1, 1))
	pieces := make([]composed, n)
	for i := range pieces {
		pieces[i] = compose(r)
	}
	split, err := data.Split(pieces, nil, 8, 1, 1)
	if err != nil {
		return nil, err
	}
	c := &corpus{name: "pieces by the rule", least: make([]float64, len(split))}
	for i, to := range []*[]data.Sequence{&c.train, &c.valid, &c.test} {
		count := 0
		for _, p := range split[i] {
			s, err := p.steps.sequence()
			if err != nil {
				return nil, err
			}
			*to = append(*to, s)
			c.least[i] += p.nats
			count += s.Steps
		}
		c.least[i] /= float64(count)
	}
	return c, nil
}

// length is the number of steps of all pieces, and of the longest.
func length(seqs []data.Sequence) (all, longest int) {
	for _, s := range seqs {
		all += s.Steps
		longest = max(longest, s.Steps)
	}
	return all, longest
}
