package bptt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

// ranks is what a Trainer asks the others of its Plan.Group. An error that comes up on one
// of them, wherever that is, is told to the others when they next ask: all end the run with
// it. So no rank waits for one that has given up, as long as every rank asks the same
// questions in the same order.
type ranks struct {
	group dist.Group
	told  error // what gather returned last
	tiers Tiers // of all ranks
}

func (r *ranks) init(g dist.Group) error {
	switch r.group = g; {
	case g == nil:
		r.group = dist.Alone()
	case nilcheck.IsNil(g):
		return fmt.Errorf("bptt: Plan.Group is a nil %T; leave the field out for one process", g)
	}
	return nil
}

// several says whether there are other ranks.
func (r *ranks) several() bool { return r.group.Size() > 1 }

// first says whether this is the rank that writes files.
func (r *ranks) first() bool { return r.group.Rank() == 0 }

// gather returns what each rank has to tell about the same thing. If one of them has an
// error, all get one: this rank its own if it has one, else a *dist.RankError.
func (r *ranks) gather(about string, b []byte, err error) ([][]byte, error) {
	all, err := dist.Ask(r.group, about, b, err)
	if r.several() {
		r.told = err
	}
	return all, err
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
	return errors.As(err, &rank) && errors.Is(rank.Err, context.Canceled)
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
