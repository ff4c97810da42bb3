package npy

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A scanner reads the literal of Python that a header is. It knows no nesting but that
// of the format, and counts brackets where it passes over a type, so that no file
// makes it deep.
type scanner struct {
	b     []byte
	at    int
	array string // for errors
	start int64  // offset of b in the file
	long  bool   // a number may end with L
}

func (p *scanner) bad(format string, a ...any) error {
	return &FormatError{Array: p.array, Offset: p.start + int64(p.at), Reason: fmt.Sprintf(format, a...)}
}

// found says what stands here.
func (p *scanner) found() string {
	if p.at == len(p.b) {
		return "the end of the header"
	}
	r, n := utf8.DecodeRune(p.b[p.at:])
	if r == utf8.RuneError {
		return fmt.Sprintf("%q", p.b[p.at:p.at+n])
	}
	return strconv.QuoteRune(r)
}

func (p *scanner) skip() {
	for p.at < len(p.b) && bytes.IndexByte([]byte(" \n\r\t"), p.b[p.at]) >= 0 {
		p.at++
	}
}

// take skips white space and reports whether c stands here; then it is taken.
func (p *scanner) take(c byte) bool {
	p.skip()
	if p.at < len(p.b) && p.b[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *scanner) want(c byte) error {
	if !p.take(c) {
		return p.bad("want %q, found %s", c, p.found())
	}
	return nil
}

// dict calls entry for each key of a dictionary, where its value is to be read.
func (p *scanner) dict(entry func(key string) error) error {
	if err := p.want('{'); err != nil {
		return err
	}
	for !p.take('}') {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := p.want(':'); err != nil {
			return err
		}
		if err := entry(key); err != nil {
			return err
		}
		if !p.take(',') {
			return p.want('}')
		}
	}
	return nil
}

// tuple calls each for each number of a tuple.
func (p *scanner) tuple(each func(d uint64) error) error {
	if err := p.want('('); err != nil {
		return err
	}
	for n, comma := 0, false; !p.take(')'); n++ {
		if n > 0 && !comma {
			return p.want(',')
		}
		d, err := p.number()
		if err != nil {
			return err
		}
		if err := each(d); err != nil {
			return err
		}
		// (3) is a number in brackets to Python, and (3,) a tuple.
		if comma = p.take(','); n == 0 && !comma {
			return p.want(',')
		}
	}
	return nil
}

// number reads a whole number of at most 62 bits.
func (p *scanner) number() (uint64, error) {
	p.skip()
	start, n := p.at, uint64(0)
	for p.at < len(p.b) && '0' <= p.b[p.at] && p.b[p.at] <= '9' {
		if n > (1<<62-10)/10 {
			return 0, p.bad("a number that is too large, %s...", p.b[start:p.at])
		}
		n = n*10 + uint64(p.b[p.at]-'0')
		p.at++
	}
	digits := p.b[start:p.at]
	switch {
	case len(digits) == 0:
		return 0, p.bad("want a whole number of digits alone, found %s", p.found())
	case digits[0] == '0' && len(digits) > 1:
		return 0, p.bad("a number that begins with 0, %s", quote(string(digits)))
	case p.long && p.at < len(p.b) && p.b[p.at] == 'L':
		p.at++
	}
	return n, nil
}

func (p *scanner) boolean() (bool, error) {
	p.skip()
	for text, v := range map[string]bool{"True": true, "False": false} {
		if rest, ok := bytes.CutPrefix(p.b[p.at:], []byte(text)); ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \n\r\t,}"), rest[0]) >= 0) {
			p.at += len(text)
			return v, nil
		}
	}
	return false, p.bad("want True or False, found %s", p.found())
}

// text reads a string between quotes of either kind. NumPy's has no escapes.
func (p *scanner) text() (string, error) {
	p.skip()
	if p.at == len(p.b) || p.b[p.at] != '\'' && p.b[p.at] != '"' {
		return "", p.bad("want a string, found %s", p.found())
	}
	quote := p.b[p.at]
	p.at++
	for start := p.at; p.at < len(p.b); p.at++ {
		switch c := p.b[p.at]; {
		case c == quote:
			p.at++
			return string(p.b[start : p.at-1]), nil
		case c == '\\' || c < ' ' || c > '~':
			return "", p.bad("a string with %s, want letters and digits", p.found())
		}
	}
	return "", p.bad("a string that does not end")
}

// descr reads the description of a type: a string, or the list that describes a
// structured type, as it stands there.
func (p *scanner) descr() (string, error) {
	p.skip()
	if p.at == len(p.b) || p.b[p.at] != '[' {
		return p.text()
	}
	quote := byte(0)
	for start, depth := p.at, 0; p.at < len(p.b); {
		c := p.b[p.at]
		p.at++
		switch {
		case quote != 0 && c == '\\':
			p.at = min(p.at+1, len(p.b))
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
				return string(p.b[start:p.at]), nil
			}
		}
	}
	return "", p.bad("a description of a type that does not end")
}
