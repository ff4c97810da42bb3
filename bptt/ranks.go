package bptt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/dist"
)

// ranks is what a Trainer asks the others of its Plan.Group. An error that comes up on one
// of them, wherever that is, is told to the others when they next ask: all end the run with
// it. So no rank waits for one that has given up, as long as every rank asks the same
// questions in the same order.
type ranks struct {
	group dist.Group
	told  error // what gather returned last
}

func (r *ranks) init(g dist.Group) {
	if r.group = g; g == nil {
		r.group = dist.Alone()
	}
}

// several says whether there are other ranks.
func (r *ranks) several() bool { return r.group.Size() > 1 }

// first says whether this is the rank that writes files.
func (r *ranks) first() bool { return r.group.Rank() == 0 }

// What a rank tells.
const (
	goesOn byte = iota
	interrupted
	failed
)

// gather returns what each rank has to tell about the same thing. If one of them has an
// error, all get one: this rank its own if it has one, else a *dist.RankError.
func (r *ranks) gather(about string, b []byte, err error) ([][]byte, error) {
	if !r.several() {
		return [][]byte{b}, err
	}
	kind, text := kindOf(err), about
	if err != nil {
		text, b = err.Error(), nil
	}
	all, wrong := r.group.Gather(append(appendText([]byte{kind}, text), b...))
	if wrong != nil {
		r.told = fmt.Errorf("bptt: %w", wrong)
		return nil, r.told
	}
	all, r.told = read(all, about)
	if kind != goesOn && kindOf(r.told) == kind {
		r.told = err
	}
	return all, r.told
}

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
			return nil, &dist.RankError{Rank: rank, Err: fmt.Errorf("bptt: it told %d bytes that say nothing", len(b))}
		}
		texts[rank], rest = text, append(rest, after)
		if b[0] > worst {
			worst, at = b[0], rank
		}
		if text != about && where < 0 {
			where = rank
		}
	}
	switch {
	case worst == failed:
		return nil, &dist.RankError{Rank: at, Err: errors.New(texts[at])}
	case worst == interrupted:
		return nil, &dist.RankError{Rank: at, Err: context.Canceled}
	case where >= 0:
		return nil, &dist.RankError{Rank: where, Err: fmt.Errorf("bptt: it is at %q, another at %q; all ranks need the same plan and the same data", texts[where], about)}
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

// agree says whether a rank wants to stop, or has an error.
func (r *ranks) agree(about string, stop bool, err error) (bool, error) {
	if !r.several() {
		return stop, err
	}
	all, err := r.gather(about, []byte{byte(number(stop))}, err)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(b []byte) bool { return len(b) > 0 && b[0] != 0 }), nil
}

// knows says whether the others know err.
func (r *ranks) knows(err error) bool { return r.told != nil && errors.Is(err, r.told) }

// share tells the others of err, unless they know it.
func (r *ranks) share(err error) error {
	if err == nil || r.knows(err) {
		return err
	}
	_, err = r.gather("", nil, err)
	return err
}

// interruption says whether err is that the context of another rank has ended.
func interruption(err error) bool {
	var rank *dist.RankError
	return errors.As(err, &rank) && kindOf(rank.Err) == interrupted
}

// expect returns an error if a rank has told something of another length than so many bytes.
// The others see the same and return it too.
func (r *ranks) expect(all [][]byte, length func(rank int) int) error {
	for rank, b := range all {
		if want := length(rank); len(b) != want {
			r.told = &dist.RankError{Rank: rank, Err: fmt.Errorf("bptt: it told %d bytes, want %d; all ranks need the same program", len(b), want)}
			return r.told
		}
	}
	return nil
}

// same returns the number of the first rank, or the error of any.
func (r *ranks) same(about string, value float64, err error) (float64, error) {
	if !r.several() {
		return value, err
	}
	all, err := r.gather(about, binary.LittleEndian.AppendUint64(nil, math.Float64bits(value)), err)
	if err != nil {
		return 0, err
	}
	if err := r.expect(all, func(int) int { return 8 }); err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(all[0])), nil
}
