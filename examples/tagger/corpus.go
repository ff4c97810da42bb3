package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// kinds are the kinds of tokens.
var kinds = []string{"keyword", "name", "number", "string", "operator", "comment"}

// tags are the labels: O outside of any token, and for each kind B at the first character of
// a token and I at the others.
var tags = func() []string {
	list := []string{"O"}
	for _, k := range kinds {
		list = append(list, "B-"+k, "I-"+k)
	}
	return list
}()

// first is the label B of the kind of a token; that of I is one more.
func first(t token.Token) int32 {
	kind := int32(4)
	switch {
	case t.IsKeyword():
		kind = 0
	case t == token.IDENT:
		kind = 1
	case t == token.INT || t == token.FLOAT || t == token.IMAG:
		kind = 2
	case t == token.STRING || t == token.CHAR:
		kind = 3
	case t == token.COMMENT:
		kind = 5
	}
	return 1 + 2*kind
}

// A line is a part of a line of code, with a label for each rune.
type line struct {
	text string
	tags []int32
}

// lines returns the lines of a file that are not blank, without space around them, cut into
// parts of length runes. A token that began on another line, or in another part, begins anew.
func lines(src []byte, length int) ([]line, error) {
	labels := make([]int32, len(src)) // of each byte
	var s scanner.Scanner
	var wrong error
	file := token.NewFileSet().AddFile("", -1, len(src))
	s.Init(file, src, func(pos token.Position, text string) {
		if wrong == nil {
			wrong = fmt.Errorf("line %d: %s", pos.Line, text)
		}
	}, scanner.ScanComments)
	for {
		pos, t, literal := s.Scan()
		if t == token.EOF {
			break
		}
		if t == token.SEMICOLON && literal != ";" {
			continue // the end of a line, which is no character
		}
		if literal == "" {
			literal = t.String()
		}
		at := file.Offset(pos)
		for i := range literal {
			labels[at+i] = first(t) + 1
		}
		labels[at]--
	}
	if wrong != nil {
		return nil, wrong
	}
	var all []line
	start := 0
	for text := range strings.Lines(string(src)) {
		trimmed := strings.TrimLeftFunc(text, unicode.IsSpace)
		at := start + len(text) - len(trimmed)
		start += len(text)
		trimmed = strings.TrimRightFunc(trimmed, unicode.IsSpace)
		for trimmed != "" {
			part := line{}
			for trimmed != "" && len(part.tags) < length {
				_, size := utf8.DecodeRuneInString(trimmed)
				part.tags = append(part.tags, labels[at])
				part.text += trimmed[:size]
				trimmed, at = trimmed[size:], at+size
			}
			if l := part.tags[0]; l > 0 && l%2 == 0 {
				part.tags[0]--
			}
			all = append(all, part)
		}
	}
	return all, nil
}

// A corpus is lines in ids and labels, in parts.
type corpus struct {
	name               string
	vocabulary         *data.Vocabulary
	train, valid, test []data.Sequence
}

// rare is how often a character comes in training to have an id of its own.
const rare = 10

// read reads the code that the flags name.
func (o *options) read() (*corpus, error) {
	name, err := o.source, error(nil)
	if name == "" {
		if name, err = program.GoFile("src"); err != nil {
			return nil, fmt.Errorf("%w; name a folder with Go code with -source FOLDER", err)
		}
	}
	files, err := program.GoCode(name, false)
	if err != nil {
		return nil, fmt.Errorf("%w; name a readable folder with -source", err)
	}
	split, err := data.Split(files, rand.NewPCG(1, 1), 8, 1, 1)
	if err != nil {
		return nil, fmt.Errorf("the Go files in %s: %w; name a folder with more of them with -source", name, err)
	}
	var parts [3][]line
	r := rand.New(rand.NewPCG(1, 2))
	for i, part := range split {
		for _, file := range part {
			src, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			all, err := lines(src, o.length)
			if err != nil {
				return nil, fmt.Errorf("%s, %w", file, err)
			}
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			parts[i] = append(parts[i], all[:min(o.lines, len(all))]...)
		}
		if len(parts[i]) == 0 {
			return nil, fmt.Errorf("the Go files in %s for part %d, of training, validation and testing, have no line; name a folder with more of them with -source", name, i+1)
		}
	}
	return newCorpus(name, parts)
}

// newCorpus makes the vocabulary of the first part, and the ids of all.
func newCorpus(name string, parts [3][]line) (*corpus, error) {
	v, err := data.NewVocabulary(runes(parts[0]), data.VocabularyConfig{MinCount: rare, Unknown: "<unk>"})
	if err != nil {
		return nil, err
	}
	c := &corpus{name: name, vocabulary: v}
	for i, seqs := range []*[]data.Sequence{&c.train, &c.valid, &c.test} {
		for _, l := range parts[i] {
			ids, err := v.Encode(nil, data.Runes(l.text))
			if err != nil {
				return nil, err
			}
			s, err := data.Tagged(ids, l.tags)
			if err != nil {
				return nil, err
			}
			*seqs = append(*seqs, s)
		}
	}
	return c, nil
}

// runes are those of all lines.
func runes(list []line) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, l := range list {
			for r := range data.Runes(l.text) {
				if !yield(r) {
					return
				}
			}
		}
	}
}
