package main

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// The words that stand for the end of a sentence or paragraph, and for rare words.
const (
	endWord     = "<eos>"
	unknownWord = "<unk>"
)

// A corpus is the text in ids, in parts.
type corpus struct {
	name               string
	vocabulary         *data.Vocabulary
	train, valid, test []int32
}

// read reads the text that the flags name.
func (o *options) read() (*corpus, error) {
	var parts [3][]string // words for training, validation and testing
	name := o.text
	switch {
	case o.train != "":
		name = o.train
		for i, file := range []string{o.train, o.valid, o.test} {
			text, err := program.ReadText([]string{"train", "valid", "test"}[i], file)
			if err != nil {
				return nil, err
			}
			for w := range data.Words(text, endWord) {
				parts[i] = append(parts[i], w)
			}
		}
	case o.text != "":
		text, err := program.ReadText("text", o.text)
		if err != nil {
			return nil, err
		}
		// What comes later in a text is tested, as it would be if it were not yet written.
		split, err := data.Split(paragraphs(text), nil, 18, 1, 1)
		if err != nil {
			return nil, fmt.Errorf("%s is too short: %w; a blank line ends a paragraph", o.text, err)
		}
		for i, part := range split {
			parts[i] = join(part)
		}
	default:
		var err error
		if name, err = program.GoFile("src"); err != nil {
			return nil, fmt.Errorf("%w; name a text with -text FILE", err)
		}
		documents, err := docComments(name)
		if err != nil {
			return nil, err
		}
		// Comments are separate texts, of packages that differ much: each part has some of all.
		split, err := data.Split(documents, rand.NewPCG(1, 1), 18, 1, 1)
		if err != nil {
			return nil, fmt.Errorf("the comments of %s: %w; name a text with -text FILE", name, err)
		}
		for i, part := range split {
			parts[i] = join(part)
		}
	}
	return newCorpus(name, parts, o.minCount)
}

// newCorpus makes the vocabulary of the first part, and the ids of all.
func newCorpus(name string, parts [3][]string, minCount int) (*corpus, error) {
	v, err := data.NewVocabulary(slices.Values(parts[0]), data.VocabularyConfig{MinCount: uint64(minCount), Unknown: unknownWord, End: endWord})
	if err != nil {
		return nil, err
	}
	if v.Len() <= 2 {
		return nil, fmt.Errorf("no word of %s comes %d times in the part for training; use a smaller -min-count, or a longer text", name, minCount)
	}
	c := &corpus{name: name, vocabulary: v}
	for i, ids := range []*[]int32{&c.train, &c.valid, &c.test} {
		if len(parts[i]) < 2 {
			return nil, fmt.Errorf("part %d of %s has %d words, want at least 2; use a longer text", i+1, name, len(parts[i]))
		}
		if *ids, err = v.Encode(nil, slices.Values(parts[i])); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// unknown is the share of ids that are the unknown word.
func (c *corpus) unknown(ids []int32) float64 {
	n := 0
	for _, id := range ids {
		if id == c.vocabulary.Unknown() {
			n++
		}
	}
	return float64(n) / float64(len(ids))
}

// join is the words of paragraphs, each ended.
func join(paragraphs []string) []string {
	var words []string
	for _, p := range paragraphs {
		words = append(tokens(words, p), endWord)
	}
	return words
}

// paragraphs cuts a plain text at blank lines.
func paragraphs(text string) []string {
	var all []string
	var lines []string
	end := func() {
		if len(lines) > 0 {
			all = append(all, strings.Join(lines, " "))
		}
		lines = nil
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			end()
			continue
		}
		lines = append(lines, line)
	}
	end()
	return all
}

// tokens appends the words of a paragraph, in lower case. Marks at the beginning and the end
// of what stands between spaces are words by themselves: "(io.EOF)." is ( io.eof ) and a
// full stop.
func tokens(words []string, paragraph string) []string {
	for field := range strings.FieldsSeq(strings.ToLower(paragraph)) {
		core := strings.TrimLeftFunc(field, mark)
		words = append(words, strings.Split(field[:len(field)-len(core)], "")...)
		inner := strings.TrimRightFunc(core, mark)
		if inner != "" {
			words = append(words, inner)
		}
		words = append(words, strings.Split(core[len(inner):], "")...)
	}
	return words
}

func mark(r rune) bool { return unicode.IsPunct(r) && r != '_' }

// text puts words together again.
func text(words []string) string {
	var b strings.Builder
	glue := true // no space before the next word
	for _, w := range words {
		if w == endWord {
			b.WriteByte('\n')
			glue = true
			continue
		}
		r, _ := utf8.DecodeRuneInString(w)
		if closing := strings.ContainsRune(".,:;!?)]}%", r) && mark(r) && utf8.RuneLen(r) == len(w); !glue && !closing {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		glue = w == "(" || w == "[" || w == "{"
	}
	return b.String()
}

// docComments returns the paragraphs of the doc comments below a folder of Go source, in the
// order of the files, each text once. Code in comments, tests, commands and what is internal
// are left out.
func docComments(root string) ([]string, error) {
	var all []string
	seen := map[string]bool{}
	files, err := program.GoCode(root, true)
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, group := range groups(file) {
			for _, block := range new(comment.Parser).Parse(group.Text()).Content {
				p, ok := block.(*comment.Paragraph)
				if !ok {
					continue
				}
				if s := plain(p.Text); !seen[s] {
					seen[s] = true
					all = append(all, s)
				}
			}
		}
	}
	return all, nil
}

// groups are the doc comments of a file.
func groups(file *ast.File) []*ast.CommentGroup {
	list := []*ast.CommentGroup{file.Doc}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			list = append(list, d.Doc)
		case *ast.GenDecl:
			list = append(list, d.Doc)
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					list = append(list, s.Doc)
				case *ast.ValueSpec:
					list = append(list, s.Doc)
				}
			}
		}
	}
	return list
}

// plain is the text of a paragraph without links.
func plain(text []comment.Text) string {
	var b strings.Builder
	for _, t := range text {
		switch t := t.(type) {
		case comment.Plain:
			b.WriteString(string(t))
		case comment.Italic:
			b.WriteString(string(t))
		case *comment.Link:
			b.WriteString(plain(t.Text))
		case *comment.DocLink:
			b.WriteString(plain(t.Text))
		}
	}
	return b.String()
}
