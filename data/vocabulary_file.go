package data

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// vocabularyMagic begins the first line of the file of a vocabulary.
const vocabularyMagic = "simdrnn vocabulary 1"

// WriteTo writes v as text. The first line is "simdrnn vocabulary 1", then the number of
// words and the ids of Padding, Unknown, Begin and End, -1 for none. A line for each word
// follows, in the order of ids: its count and the word as a Go string, all in quotes.
func (v *Vocabulary) WriteTo(w io.Writer) (int64, error) {
	if v == nil {
		return 0, nilcheck.Receiver("data", "Vocabulary", "WriteTo")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d %d %d %d %d\n", vocabularyMagic, v.Len(), v.special[padding], v.special[unknown], v.special[begin], v.special[end])
	for id, word := range v.words {
		fmt.Fprintf(&b, "%d %s\n", v.counts[id], strconv.QuoteToASCII(word))
	}
	n, err := b.WriteTo(w)
	if err != nil {
		return n, fmt.Errorf("data: a vocabulary, offset %d: %w", n, err)
	}
	return n, nil
}

// ReadVocabulary reads what WriteTo wrote, up to the end of r, and nothing else: a line
// that WriteTo would have written otherwise, a word that comes twice, a missing or a further
// line is a *FileError with the place of the line.
func ReadVocabulary(r io.Reader) (*Vocabulary, error) {
	p := &lines{r: bufio.NewReader(r), name: nameOf(r)}
	line, err := p.next()
	if err != nil {
		return nil, err
	}
	v := &Vocabulary{ids: map[string]int32{}}
	var size int
	rest, ok := strings.CutPrefix(line, vocabularyMagic+" ")
	fields := strings.Split(rest, " ")
	if !ok || len(fields) != 5 {
		return nil, p.refuse("%.60q, want %q and 5 numbers", line, vocabularyMagic)
	}
	if size, err = number(fields[0], maxElements); err != nil || size < 1 {
		return nil, p.refuse("%.60q words, want 1 to %d", fields[0], maxElements)
	}
	for i := range v.special {
		v.special[i] = -1
		if fields[i+1] == "-1" {
			continue
		}
		id, err := number(fields[i+1], size-1)
		if err != nil {
			return nil, p.refuse("%s is %.60q, want -1 or an id to %d", specialNames[i], fields[i+1], size-1)
		}
		for j := range i {
			if v.special[j] == int32(id) {
				return nil, p.refuse("%s and %s are both %d, want an id of its own for each", specialNames[j], specialNames[i], id)
			}
		}
		v.special[i] = int32(id)
	}
	for range size {
		if line, err = p.next(); err != nil {
			return nil, err
		}
		digits, quoted, _ := strings.Cut(line, " ")
		count, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || strconv.FormatUint(count, 10) != digits {
			return nil, p.refuse("the count is %.60q, want a number from 0 to 2^64-1", digits)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil || strconv.QuoteToASCII(word) != quoted {
			return nil, p.refuse("the word is %.60s, want a Go string as strconv.QuoteToASCII writes it", quoted)
		}
		if id, twice := v.ids[word]; twice {
			return nil, p.refuse("the word %.60s has id %d already", quoted, id)
		}
		v.add(word, count)
	}
	switch _, err := p.r.ReadByte(); {
	case err == nil:
		p.offset += p.length
		p.length = 0
		return nil, p.refuse("more than the %d words of the first line", size)
	case err != io.EOF:
		return nil, &FileError{Name: p.name, Offset: p.offset + p.length, Err: err}
	}
	return v, nil
}

// number is the number from 0 to most that s is, written as Go writes it.
func number(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most || strconv.Itoa(n) != s {
		return 0, strconv.ErrSyntax
	}
	return n, nil
}

// lines are the lines of a file, and the place of the last one.
type lines struct {
	r      *bufio.Reader
	name   string
	offset int64 // of the last line
	length int64 // of it, with the newline
}

// maxLine is the longest line in bytes: quotes make at most four times as many of a word.
const maxLine = 4*maxWord + 64

func (p *lines) next() (string, error) {
	p.offset += p.length
	var b []byte
	for {
		part, err := p.r.ReadSlice('\n')
		b = append(b, part...)
		p.length = int64(len(b))
		switch {
		case len(b) > maxLine:
			return "", p.refuse("a line of more than %d bytes", maxLine)
		case err == nil:
			return string(b[:len(b)-1]), nil
		case err == io.EOF:
			return "", &FileError{Name: p.name, Offset: p.offset + p.length, Reason: "the file is cut off", Err: io.ErrUnexpectedEOF}
		case err != bufio.ErrBufferFull:
			return "", &FileError{Name: p.name, Offset: p.offset + p.length, Err: err}
		}
	}
}

// refuse is the error of the last line.
func (p *lines) refuse(format string, args ...any) error {
	return &FileError{Name: p.name, Offset: p.offset, Reason: fmt.Sprintf(format, args...)}
}
