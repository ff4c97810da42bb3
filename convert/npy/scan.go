package npy

import (
	"strings"

	"github.com/simdrnn/simdrnn/convert/internal/cursor"
)

// A scanner reads the literal of Python that a header is. It knows no nesting but that
// of the format, and counts brackets where it passes over a type, so that no file
// makes it deep.
type scanner struct {
	cursor.Cursor
	array string // for errors
	long  bool   // a number may end with L
}

// newScanner reads the header b of an array, which stands at start in the file.
func newScanner(b []byte, array string, start int64, long bool) *scanner {
	return &scanner{cursor.Cursor{Text: string(b), Fail: func(at int, reason string) error {
		return &FormatError{Array: array, Offset: start + int64(at), Reason: reason}
	}}, array, long}
}

// dict calls entry for each key of a dictionary, where its value is to be read.
func (p *scanner) dict(entry func(key string) error) error {
	if err := p.Want('{'); err != nil {
		return err
	}
	for !p.Take('}') {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := p.Want(':'); err != nil {
			return err
		}
		if err := entry(key); err != nil {
			return err
		}
		if !p.Take(',') {
			return p.Want('}')
		}
	}
	return nil
}

// tuple calls each for each number of a tuple.
func (p *scanner) tuple(each func(d uint64) error) error {
	if err := p.Want('('); err != nil {
		return err
	}
	for n, comma := 0, false; !p.Take(')'); n++ {
		if n > 0 && !comma {
			return p.Want(',')
		}
		d, err := p.dimension()
		if err != nil {
			return err
		}
		if err := each(d); err != nil {
			return err
		}
		// (3) is a number in brackets to Python, and (3,) a tuple.
		if comma = p.Take(','); n == 0 && !comma {
			return p.Want(',')
		}
	}
	return nil
}

// dimension reads a number, as Python 2 wrote it too.
func (p *scanner) dimension() (uint64, error) {
	n, err := p.Number()
	if err == nil && p.long && p.At < len(p.Text) && p.Text[p.At] == 'L' {
		p.At++
	}
	return uint64(n), err
}

func (p *scanner) boolean() (bool, error) {
	p.Space()
	for text, v := range map[string]bool{"True": true, "False": false} {
		if rest, ok := strings.CutPrefix(p.Text[p.At:], text); ok && (len(rest) == 0 || strings.IndexByte(" \n\r\t,}", rest[0]) >= 0) {
			p.At += len(text)
			return v, nil
		}
	}
	return false, p.Bad("want True or False, found %s", p.Found())
}

// text reads a string between quotes of either kind. NumPy's has no escapes.
func (p *scanner) text() (string, error) {
	p.Space()
	if p.At == len(p.Text) || p.Text[p.At] != '\'' && p.Text[p.At] != '"' {
		return "", p.Bad("want a string, found %s", p.Found())
	}
	quote := p.Text[p.At]
	p.At++
	for start := p.At; p.At < len(p.Text); p.At++ {
		switch c := p.Text[p.At]; {
		case c == quote:
			p.At++
			return strings.Clone(p.Text[start : p.At-1]), nil
		case c == '\\' || c < ' ' || c > '~':
			return "", p.Bad("a string with %s, want letters and digits", p.Found())
		}
	}
	return "", p.Bad("a string that does not end")
}

// descr reads the description of a type: a string, or the list that describes a
// structured type, as it stands there.
func (p *scanner) descr() (string, error) {
	p.Space()
	if p.At == len(p.Text) || p.Text[p.At] != '[' {
		return p.text()
	}
	quote := byte(0)
	for start, depth := p.At, 0; p.At < len(p.Text); {
		c := p.Text[p.At]
		p.At++
		switch {
		case quote != 0 && c == '\\':
			p.At = min(p.At+1, len(p.Text))
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '[' || c == '(':
			depth++
		case c == ']' || c == ')':
			if depth--; depth == 0 {
				return strings.Clone(p.Text[start:p.At]), nil
			}
		}
	}
	return "", p.Bad("a description of a type that does not end")
}
