package nn

import (
	"errors"
	"fmt"
	"slices"
)

// A Masked is a Net with random masks, or one that may have them: see Net.
type Masked interface {
	MaskState() []uint64
	SetMaskState(s []uint64) error
	Clock() []uint64
	SetClock(c []uint64) error
}

// MasksOf returns n if it has random masks, else nil.
func MasksOf(n Net) Masked {
	if m, ok := n.(Masked); ok && len(m.MaskState()) > 0 {
		return m
	}
	return nil
}

// masks calls f for each Net of the chain that has random masks.
func (m *group) masks(f func(Masked)) {
	for _, l := range m.links {
		if n := MasksOf(l.net); n != nil {
			f(n)
		}
	}
}

// setDifferentSeeds gives each Net another seed if two of them, or of those that they
// are made of, would have the same masks.
func (m *group) setDifferentSeeds() {
	var seen [][]uint64
	again := false
	m.singleMasks(func(n Masked) {
		s := n.MaskState()
		again = again || slices.ContainsFunc(seen, func(e []uint64) bool { return slices.Equal(e, s) })
		seen = append(seen, s)
	})
	if again {
		m.SetSeed(0)
	}
}

// singleMasks calls f for each Net with random masks that is not made of others.
func (m *group) singleMasks(f func(Masked)) {
	for _, l := range m.links {
		singleMasks(l.net, f)
	}
}

func singleMasks(n Net, f func(Masked)) {
	m := MasksOf(n)
	if m == nil {
		return
	}
	if made, ok := n.(interface{ singleMasks(func(Masked)) }); ok {
		made.singleMasks(f)
	} else {
		f(m)
	}
}

// SetSeed gives each Net of the chain that has random masks a seed of its own,
// which follows from the given one and the Net's place, and sets the count of
// training steps to 0. Chain does so with the seed 0 where two Nets would otherwise have
// the same masks.
func (m *group) SetSeed(seed uint64) {
	place := uint64(0)
	m.masks(func(n Masked) {
		if s, ok := n.(interface{ SetSeed(seed uint64) }); ok {
			s.SetSeed(seedOf(seed, place))
		}
		place++
	})
}

// seedOf returns the seed of the Net at a place, computed from the seed of the chain by
// the finalizer of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable
// pseudorandom number generators"): seeds and places that differ in one bit give numbers
// that differ in about half of the bits.
func seedOf(seed, place uint64) uint64 {
	z := seed + (place+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// MaskState returns the seeds and training steps of the Nets in the chain that have
// random masks, one after another; nil if none has.
func (m *group) MaskState() (s []uint64) {
	m.masks(func(n Masked) { s = append(s, n.MaskState()...) })
	return s
}

// SetMaskState puts back what MaskState returned. Nothing is changed if it returns
// an error.
func (m *group) SetMaskState(s []uint64) error {
	if want := len(m.MaskState()); len(s) != want {
		return fmt.Errorf("nn: a mask state of %d numbers, want %d", len(s), want)
	}
	before, n := m.MaskState(), 0
	set := func(s []uint64) (err error) {
		n = 0
		m.masks(func(net Masked) {
			k := len(net.MaskState())
			if e := net.SetMaskState(s[n : n+k]); err == nil {
				err = e
			}
			n += k
		})
		return err
	}
	err := set(s)
	if err != nil {
		err = errors.Join(err, set(before))
	}
	return err
}

// Clock returns for each row its steps since Reset, as the first Net that has
// random masks counts them, nil if none has. Under a Trainer all count the same.
func (m *group) Clock() (c []uint64) {
	m.masks(func(n Masked) {
		if c == nil {
			c = n.Clock()
		}
	})
	return c
}

// SetClock sets that in every Net with random masks. Nothing is changed if it
// returns an error.
func (m *group) SetClock(c []uint64) (err error) {
	var set []Masked
	var before [][]uint64
	m.masks(func(n Masked) {
		if err != nil {
			return
		}
		clock := n.Clock()
		if err = n.SetClock(c); err == nil {
			set, before = append(set, n), append(before, clock)
		}
	})
	if err != nil {
		for i, n := range set {
			err = errors.Join(err, n.SetClock(before[i]))
		}
	}
	return err
}

// SetRowIDs names the rows of the batch for the random masks of every Net that has a
// method SetRowIDs: a row's masks follow from its id, not from its place. nil stands for
// the places. After it, Backward needs a new Forward. It returns an error, with nothing
// changed, if there is not one id for each row. If a Net refuses the ids, all have the
// places.
func (m *group) SetRowIDs(ids []uint32) error {
	if ids != nil && len(ids) != m.batch {
		return fmt.Errorf("nn: %d row ids for a batch of %d rows; give one for each row, or nil", len(ids), m.batch)
	}
	err := m.setRowIDs(ids)
	if err != nil {
		err = errors.Join(err, m.setRowIDs(nil))
	}
	return err
}

func (m *group) setRowIDs(ids []uint32) (err error) {
	m.pending = false
	for _, l := range m.links {
		if n, ok := l.net.(interface{ SetRowIDs(ids []uint32) error }); ok && err == nil {
			err = n.SetRowIDs(ids)
		}
	}
	return err
}
