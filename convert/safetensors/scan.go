package safetensors

import (
	"strings"

	"github.com/simdrnn/simdrnn/convert/internal/cursor"
)

// A scanner reads the JSON of a header. It knows no nesting but that of the format,
// so that no file makes it deep, and it allocates for strings with escapes alone:
// all others are parts of the header.
type scanner struct{ cursor.Cursor }

func newScanner(header string) *scanner {
	return &scanner{cursor.Cursor{Text: header, Fail: func(at int, reason string) error {
		return &FormatError{Offset: lengthBytes + int64(at), Reason: reason}
	}}}
}

// object calls member for each key of an object, where its value is to be read.
func (p *scanner) object(member func(key string) error) error {
	if err := p.Want('{'); err != nil || p.Take('}') {
		return err
	}
	for {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := p.Want(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if p.Take(',') {
			continue
		}
		return p.Want('}')
	}
}

// numbers calls each for each number of an array.
func (p *scanner) numbers(each func(n int64) error) error {
	if err := p.Want('['); err != nil || p.Take(']') {
		return err
	}
	for {
		n, err := p.whole()
		if err != nil {
			return err
		}
		if err := each(n); err != nil {
			return err
		}
		if p.Take(',') {
			continue
		}
		return p.Want(']')
	}
}

// whole reads a number, which must not be a fraction.
func (p *scanner) whole() (int64, error) {
	start := p.At
	n, err := p.Number()
	if err == nil && p.At < len(p.Text) && strings.IndexByte(".eE", p.Text[p.At]) >= 0 {
		return 0, p.Bad("want a whole number of digits alone, found %s after %s", p.Found(), strings.TrimSpace(p.Text[start:p.At]))
	}
	return n, err
}

// text reads a string.
func (p *scanner) text() (string, error) {
	if err := p.Want('"'); err != nil {
		return "", err
	}
	start, escaped := p.At, false
	for {
		if p.At == len(p.Text) {
			return "", p.Bad("a string that does not end")
		}
		switch c := p.Text[p.At]; {
		case c == '"':
			raw := p.Text[start:p.At]
			p.At++
			if escaped {
				return unescape(raw), nil
			}
			return raw, nil
		case c < ' ':
			return "", p.Bad("a string with the control character %q, which has to be escaped", c)
		case c == '\\':
			escaped = true
			n := escape(p.Text[p.At:])
			if n == 0 {
				return "", p.Bad("a string with an escape that JSON does not have")
			}
			p.At += n
		default:
			p.At++
		}
	}
}

const (
	escapes = `"\/bfnrt`
	meaning = "\"\\/\b\f\n\r\t"
)

// escape returns the length of the escape that s begins with, or 0 if it is none.
// A half of a surrogate pair is none.
func escape(s string) int {
	if len(s) < 2 {
		return 0
	}
	if strings.IndexByte(escapes, s[1]) >= 0 {
		return 2
	}
	switch r := unit(s); {
	case r < 0 || 0xDC00 <= r && r < 0xE000:
		return 0
	case r < 0xD800 || r >= 0xE000:
		return 6
	}
	if low := unit(s[6:]); low < 0xDC00 || low >= 0xE000 {
		return 0
	}
	return 12
}

// unit returns the number of an escape \uXXXX, or -1.
func unit(s string) rune {
	if len(s) < 6 || s[:2] != `\u` {
		return -1
	}
	r := rune(0)
	for _, c := range []byte(s[2:6]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' { // c|0x20 also takes control characters for digits
			return -1
		}
		r = r<<4 | rune(d)
	}
	return r
}

// unescape returns what a string means whose escapes are all valid. It is shorter.
func unescape(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			b.WriteString(raw)
			return b.String()
		}
		b.WriteString(raw[:i])
		raw = raw[i:]
		n := escape(raw)
		switch n {
		case 2:
			b.WriteByte(meaning[strings.IndexByte(escapes, raw[1])])
		case 6:
			b.WriteRune(unit(raw))
		case 12:
			b.WriteRune((unit(raw)-0xD800)<<10 + unit(raw[6:]) - 0xDC00 + 0x10000)
		}
		raw = raw[n:]
	}
}
