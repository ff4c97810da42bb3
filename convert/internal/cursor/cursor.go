// Package cursor goes over the text of the headers that packages npy and safetensors read:
// what their two languages have in common.
package cursor

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Cursor stands at a place of a text. Fail makes an error of a place and of what is wrong
// there.
type Cursor struct {
	Text string
	At   int
	Fail func(at int, reason string) error
}

// Bad is an error about the place where p stands.
func (p *Cursor) Bad(format string, a ...any) error { return p.Fail(p.At, fmt.Sprintf(format, a...)) }

// Found says what stands here.
func (p *Cursor) Found() string {
	if p.At == len(p.Text) {
		return "the end of the header"
	}
	r, n := utf8.DecodeRuneInString(p.Text[p.At:])
	if r == utf8.RuneError {
		return fmt.Sprintf("%q", p.Text[p.At:p.At+n])
	}
	return strconv.QuoteRune(r)
}

// Space skips white space.
func (p *Cursor) Space() {
	for p.At < len(p.Text) && strings.IndexByte(" \n\r\t", p.Text[p.At]) >= 0 {
		p.At++
	}
}

// Take skips white space and reports whether c stands here; then it is taken.
func (p *Cursor) Take(c byte) bool {
	p.Space()
	if p.At < len(p.Text) && p.Text[p.At] == c {
		p.At++
		return true
	}
	return false
}

// Want is Take, with an error if another thing stands here.
func (p *Cursor) Want(c byte) error {
	if !p.Take(c) {
		return p.Bad("want %q, found %s", c, p.Found())
	}
	return nil
}

// Number reads a whole number of at most 62 bits, so that sums of two of them do not
// overflow.
func (p *Cursor) Number() (int64, error) {
	p.Space()
	start, n := p.At, int64(0)
	for p.At < len(p.Text) && '0' <= p.Text[p.At] && p.Text[p.At] <= '9' {
		if n > (1<<62-10)/10 {
			return 0, p.Bad("a number that is too large, %s...", p.Text[start:p.At])
		}
		n = n*10 + int64(p.Text[p.At]-'0')
		p.At++
	}
	digits := p.Text[start:p.At]
	switch {
	case digits == "":
		return 0, p.Bad("want a whole number of digits alone, found %s", p.Found())
	case digits[0] == '0' && len(digits) > 1:
		return 0, p.Bad("a number that begins with 0, %.20q", digits)
	}
	return n, nil
}
