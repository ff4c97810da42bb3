package dist

import (
	"context"
	"errors"
	"fmt"
)

// Ask is a Gather of b that errors of single ranks cannot leave hanging: each rank tells
// what it is about, its own part b, and its error, nil if it has none. It returns the parts
// of all ranks, that of rank 0 first. If a rank has an error all of them get one: a rank
// that has one itself its own, the others a *RankError with the text of it. The end of a
// context (context.Canceled, context.DeadlineExceeded) is told as such: the others get a
// *RankError with context.Canceled, and an error of any other kind goes before it. It is an
// error too if the ranks are about different things, since a program that lets its ranks
// make different calls would exchange parts that do not belong together.
//
// All ranks call it. bptt's Trainer asks all its questions in this way, so a rank that has
// an error and calls Agree, or Ask, ends the others wherever they ask next. In a group of
// one rank Ask returns b and err.
func Ask(g Group, about string, b []byte, err error) ([][]byte, error) {
	if g.Size() == 1 {
		return [][]byte{b}, err
	}
	kind, text := kindOf(err), about
	if err != nil {
		text, b = err.Error(), nil
	}
	all, wrong := g.Gather(append(appendText([]byte{kind}, text), b...))
	if wrong != nil {
		return nil, errors.Join(err, wrong)
	}
	all, told := read(all, about)
	if kind != goesOn && kindOf(told) == kind {
		told = err
	}
	return all, told
}

// Agree tells the other ranks err, nil if there is none, and returns nil if no rank has an
// error. See Ask. It is for what can fail on one rank alone, reading a file say, before a
// call that all ranks make together:
//
//	text, err := os.ReadFile(name)
//	if err := dist.Agree(g, "the text is read", err); err != nil {
//		return err // on all ranks
//	}
func Agree(g Group, about string, err error) error {
	_, err = Ask(g, about, nil, err)
	return err
}

// What a rank tells.
const (
	goesOn byte = iota
	interrupted
	failed
)

// kindOf is what a rank tells of err.
func kindOf(err error) byte {
	switch {
	case err == nil:
		return goesOn
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return interrupted
	}
	return failed
}

// read takes apart what the ranks have told. An error counts more than an interruption.
func read(all [][]byte, about string) (rest [][]byte, err error) {
	worst, at, where := goesOn, 0, -1
	texts := make([]string, len(all))
	for rank, b := range all {
		text, after, ok := cutText(b)
		if !ok {
			return nil, &RankError{Rank: rank, Err: fmt.Errorf("dist: it told %d bytes that say nothing; all ranks need the same program", len(b))}
		}
		texts[rank], rest = text, append(rest, after)
		if b[0] > worst {
			worst, at = b[0], rank
		}
		if b[0] == goesOn && text != about && where < 0 {
			where = rank
		}
	}
	switch {
	case worst >= failed:
		return nil, &RankError{Rank: at, Err: errors.New(texts[at])}
	case worst == interrupted:
		return nil, &RankError{Rank: at, Err: context.Canceled}
	case where >= 0:
		return nil, &RankError{Rank: where, Err: fmt.Errorf("dist: it is at %q, another at %q; all ranks need the same plan, the same data and the same calls", texts[where], about)}
	}
	return rest, nil
}

func appendText(b []byte, text string) []byte {
	n := min(len(text), 1<<16-1)
	return append(append(b, byte(n), byte(n>>8)), text[:n]...)
}

func cutText(b []byte) (text string, rest []byte, ok bool) {
	if len(b) < 3 {
		return "", nil, false
	}
	n := int(b[1]) | int(b[2])<<8
	if len(b) < 3+n {
		return "", nil, false
	}
	return string(b[3 : 3+n]), b[3+n:], true
}
