package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words returns the words of text: what stands between white space, as Unicode has it.
// With lineEnd, "<eos>" say, it gives that in the place of every newline, as language
// models of the Penn Treebank have it.
func Words(text, lineEnd string) iter.Seq[string] {
	return func(yield func(string) bool) {
		text := text // each range over the result begins at the beginning
		for len(text) > 0 {
			if lineEnd == "" {
				text = strings.TrimLeftFunc(text, unicode.IsSpace)
			} else {
				text = strings.TrimLeftFunc(text, blank)
				if strings.HasPrefix(text, "\n") {
					text = text[1:]
					if !yield(lineEnd) {
						return
					}
					continue
				}
			}
			n := strings.IndexFunc(text, unicode.IsSpace)
			if n < 0 {
				n = len(text)
			}
			if n > 0 && !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// blank is white space within a line.
func blank(r rune) bool { return r != '\n' && unicode.IsSpace(r) }

// Runes returns the runes of text, each as a string: what a model of characters has as
// words. A byte that is no UTF-8 is by itself, so that joining them gives the text.
func Runes(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		text := text // each range over the result begins at the beginning
		for len(text) > 0 {
			_, n := utf8.DecodeRuneInString(text)
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// SingleBytes returns the bytes of text, each as a string. A model of all 256 bytes needs
// no vocabulary: see NewText.
func SingleBytes(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(text) {
			if !yield(text[i : i+1]) {
				return
			}
		}
	}
}

// A WordReader is Words of a file that may be larger than memory: it holds one word.
type WordReader struct {
	scanner *bufio.Scanner
	lineEnd string
	name    string
	read    int64
	err     error
}

// maxWord is the longest word in bytes.
const maxWord = 1 << 20

// NewWordReader returns the words of r, with lineEnd as in Words.
func NewWordReader(r io.Reader, lineEnd string) *WordReader {
	d := &WordReader{lineEnd: lineEnd, name: nameOf(r), scanner: bufio.NewScanner(r)}
	d.scanner.Buffer(nil, maxWord)
	d.scanner.Split(d.split)
	return d
}

// All returns the words, once: the file is read as they are asked for. They end at an error
// as they do at the end of the file; ask Err afterwards.
func (d *WordReader) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for d.scanner.Scan() {
			word := d.scanner.Text()
			if word == "\n" {
				word = d.lineEnd
			}
			if !yield(word) {
				return
			}
		}
		switch err := d.scanner.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			d.err = &FileError{Name: d.name, Offset: d.read, Reason: fmt.Sprintf("a word of %d bytes or more", maxWord)}
		case err != nil:
			d.err = &FileError{Name: d.name, Offset: d.read, Reason: "reading the word that begins here, or after it", Err: err}
		}
	}
}

// Err returns the error that ended All, a *FileError, or nil. A word of 2^20 bytes or more
// is an error.
func (d *WordReader) Err() error { return d.err }

// split is a bufio.SplitFunc: a word, or a newline by itself if there is a lineEnd.
func (d *WordReader) split(b []byte, atEOF bool) (advance int, token []byte, err error) {
	defer func() { d.read += int64(advance) }()
	space := unicode.IsSpace
	if d.lineEnd != "" {
		space = blank
	}
	// A rune that is cut off at the end of b is no white space yet: it is looked at again
	// with more bytes, since what stands at the end of b is not given before.
	rest := bytes.TrimLeftFunc(b, space)
	advance = len(b) - len(rest)
	switch {
	case len(rest) == 0:
		return advance, nil, nil
	case rest[0] == '\n':
		return advance + 1, rest[:1], nil
	}
	n := bytes.IndexFunc(rest, unicode.IsSpace)
	if n < 0 && !atEOF {
		return advance, nil, nil
	}
	if n < 0 {
		n = len(rest)
	}
	return advance + n, rest[:n], nil
}
