package safetensors

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A scanner reads the JSON of a header. It knows no nesting but that of the format,
// so that no file makes it deep, and it allocates for strings with escapes alone:
// all others are parts of the header.
type scanner struct {
	s  string
	at int
}

func (p *scanner) bad(format string, a ...any) error {
	return &FormatError{Offset: lengthBytes + int64(p.at), Reason: fmt.Sprintf(format, a...)}
}

// found says what stands here.
func (p *scanner) found() string {
	if p.at == len(p.s) {
		return "the end of the header"
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.at:])
	return strconv.QuoteRune(r)
}

func (p *scanner) space() {
	for p.at < len(p.s) && strings.IndexByte(" \n\r\t", p.s[p.at]) >= 0 {
		p.at++
	}
}

// take skips white space and reports whether c stands here; then it is taken.
func (p *scanner) take(c byte) bool {
	p.space()
	if p.at < len(p.s) && p.s[p.at] == c {
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

// object calls member for each key of an object, where its value is to be read.
func (p *scanner) object(member func(key string) error) error {
	if err := p.want('{'); err != nil || p.take('}') {
		return err
	}
	for {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := p.want(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if p.take(',') {
			continue
		}
		return p.want('}')
	}
}

// numbers calls each for each number of an array.
func (p *scanner) numbers(each func(n int64) error) error {
	if err := p.want('['); err != nil || p.take(']') {
		return err
	}
	for {
		n, err := p.number()
		if err != nil {
			return err
		}
		if err := each(n); err != nil {
			return err
		}
		if p.take(',') {
			continue
		}
		return p.want(']')
	}
}

// number reads a whole number of at most 62 bits: sums of two of them do not
// overflow.
func (p *scanner) number() (int64, error) {
	p.space()
	start, n := p.at, int64(0)
	for p.at < len(p.s) && '0' <= p.s[p.at] && p.s[p.at] <= '9' {
		if n > (1<<62-10)/10 {
			return 0, p.bad("a number that is too large, %s...", p.s[start:p.at])
		}
		n = n*10 + int64(p.s[p.at]-'0')
		p.at++
	}
	digits := p.s[start:p.at]
	switch {
	case digits == "":
		return 0, p.bad("want a whole number of digits alone, found %s", p.found())
	case digits[0] == '0' && len(digits) > 1:
		return 0, p.bad("a number that begins with 0, %s", digits)
	case p.at < len(p.s) && strings.IndexByte(".eE", p.s[p.at]) >= 0:
		return 0, p.bad("want a whole number of digits alone, found %s after %s", p.found(), digits)
	}
	return n, nil
}

// text reads a string.
func (p *scanner) text() (string, error) {
	if err := p.want('"'); err != nil {
		return "", err
	}
	start, escaped := p.at, false
	for {
		if p.at == len(p.s) {
			return "", p.bad("a string that does not end")
		}
		switch c := p.s[p.at]; {
		case c == '"':
			raw := p.s[start:p.at]
			p.at++
			if escaped {
				return unescape(raw), nil
			}
			return raw, nil
		case c < ' ':
			return "", p.bad("a string with the control character %q, which has to be escaped", c)
		case c == '\\':
			escaped = true
			n := escape(p.s[p.at:])
			if n == 0 {
				return "", p.bad("a string with an escape that JSON does not have")
			}
			p.at += n
		default:
			p.at++
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
