package main

import (
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// A corpus is the texts of lines in ids, each with its class at the last step, in parts.
type corpus struct {
	name               string
	classes            []string
	vocabulary         *data.Vocabulary
	train, valid, test []data.Sequence
}

// An example is a line and the name of its class.
type example struct{ label, text string }

// rare is how often a character comes in training to have an id of its own.
const rare = 10

// read reads the lines that the flags name.
func (o *options) read() (*corpus, error) {
	var all []example
	name, err := o.data, error(nil)
	if name != "" {
		all, err = labelled(name)
	} else {
		if name, err = program.GoFile("src"); err != nil {
			return nil, fmt.Errorf("%w; name a file with labelled lines with -data FILE", err)
		}
		all, err = source(name)
	}
	if err != nil {
		return nil, err
	}
	split, err := data.Split(o.draw(all), rand.NewPCG(1, 1), 8, 1, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; use a larger -lines, or name a longer file with -data", name, err)
	}
	return newCorpus(name, split, o.length)
}

// draw draws at most -lines different texts of each class.
func (o *options) draw(all []example) []example {
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	seen, count := map[example]bool{}, map[string]int{}
	var drawn []example
	for _, e := range all {
		if !seen[e] && count[e.label] < o.lines {
			seen[e] = true
			count[e.label]++
			drawn = append(drawn, e)
		}
	}
	return drawn
}

// newCorpus makes the classes and the vocabulary of the first part, and the ids of all.
func newCorpus(name string, parts [][]example, length int) (*corpus, error) {
	c := &corpus{name: name}
	for _, e := range parts[0] {
		if !slices.Contains(c.classes, e.label) {
			c.classes = append(c.classes, e.label)
		}
	}
	slices.Sort(c.classes)
	if len(c.classes) < 2 {
		return nil, fmt.Errorf("%s has one class, %q, in the part for training, want two or more", name, c.classes[0])
	}
	var err error
	if c.vocabulary, err = data.NewVocabulary(runes(parts[0]), data.VocabularyConfig{MinCount: rare, Unknown: "<unk>"}); err != nil {
		return nil, err
	}
	for i, seqs := range []*[]data.Sequence{&c.train, &c.valid, &c.test} {
		for _, e := range parts[i] {
			class := slices.Index(c.classes, e.label)
			if class < 0 {
				return nil, fmt.Errorf("%s: the class %q has no line in the part for training; give it more lines, or leave it out", name, e.label)
			}
			ids, err := encode(c.vocabulary, e.text, length)
			if err != nil {
				return nil, err
			}
			s, err := data.Labelled(data.Sequence{IDs: ids}, int32(class))
			if err != nil {
				return nil, err
			}
			*seqs = append(*seqs, s)
		}
	}
	return c, nil
}

// encode returns the ids of the first length characters of a text.
func encode(v *data.Vocabulary, text string, length int) ([]int32, error) {
	ids, err := v.Encode(nil, data.Runes(text))
	return ids[:min(len(ids), length)], err
}

// runes are those of all texts.
func runes(list []example) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, e := range list {
			for r := range data.Runes(e.text) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// labelled reads a file of lines of a label, a tab and a text.
func labelled(name string) ([]example, error) {
	content, err := program.ReadText("data", name)
	if err != nil {
		return nil, err
	}
	var all []example
	n := 0
	for line := range strings.Lines(content) {
		n++
		label, text, found := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if !found || label == "" || text == "" {
			return nil, fmt.Errorf("%s, line %d: want a label, a tab and a text", name, n)
		}
		all = append(all, example{label, text})
	}
	return all, nil
}

// processors are the ends of the names of files of assembly, with their classes.
var processors = map[string]string{
	"_386.s": "386", "_amd64.s": "amd64", "_arm.s": "arm", "_arm64.s": "arm64", "_loong64.s": "loong64",
	"_ppc64x.s": "ppc64", "_riscv64.s": "riscv64", "_s390x.s": "s390x",
}

// kinds are the ends of the names of other files, with their classes.
var kinds = map[string]string{
	".go": "Go", ".c": "C", ".h": "C", ".html": "HTML", ".md": "Markdown", ".rules": "rules", ".js": "JavaScript",
}

// shortest is how many characters of a line tell something.
const shortest = 8

// source returns the lines of the source of Go that have enough characters, without space
// around them. Comments are a class of their own if they are in Go, and left out elsewhere.
func source(root string) (all []example, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		label := kinds[filepath.Ext(path)]
		if i := strings.LastIndexByte(d.Name(), '_'); i >= 0 && label == "" {
			label = processors[d.Name()[i:]]
		}
		if label == "" || label == "Go" && (strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") || strings.Contains(path, "cmd")) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(content)) {
			text, of := strings.TrimSpace(line), label
			if rest, comment := strings.CutPrefix(text, "//"); comment {
				if label != "Go" {
					continue
				}
				text, of = strings.TrimSpace(rest), "comment"
			}
			if utf8.RuneCountInString(text) >= shortest {
				all = append(all, example{of, text})
			}
		}
		return nil
	})
	return all, err
}
