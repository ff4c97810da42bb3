package data

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// An order is the batches of an epoch, made of the numbers of examples, and how many of them
// came.
type order struct {
	rows    int       // of each batch
	sorted  int       // batches that are sorted by length together, 0 for none
	shuffle *rand.PCG // nil: the examples come as they are
	begin   []byte    // state of shuffle at the beginning of the epoch
	whole   bool      // no batch comes in parts

	list []int
	pos  int // examples before the current batch
	step int // steps of the current batch that came, where it comes in parts
}

// Rows returns the number of rows of every batch.
func (o *order) Rows() int { return o.rows }

// Rewind implements Source: the order of the epoch stays.
func (o *order) Rewind() error {
	o.pos, o.step = 0, 0
	return nil
}

// mark keeps the state of shuffle as that of the beginning of an epoch.
func (o *order) mark() (err error) {
	if o.shuffle != nil {
		o.begin, err = o.shuffle.MarshalBinary()
	}
	return err
}

// renew makes the order of an epoch of n examples, a function of the state of shuffle.
func (o *order) renew(n int, compare func(a, b int) int) error {
	if err := o.mark(); err != nil {
		return err
	}
	o.arrange(n, compare)
	return nil
}

// arrange makes a new list of n examples: drawn from shuffle, or ascending if it is nil. Each
// so many batches of it as sorted says are sorted by compare, and then the batches change
// places.
func (o *order) arrange(n int, compare func(a, b int) int) {
	o.list = o.list[:0]
	for i := range n {
		o.list = append(o.list, i)
	}
	mix(o.list, o.shuffle)
	if o.sorted > 0 {
		o.sort(compare)
	}
}

// sort is the second half of arrange.
func (o *order) sort(compare func(a, b int) int) {
	n := len(o.list)
	size := min(o.sorted, n/o.rows+1) * o.rows
	for lo := 0; lo < n; lo += size {
		part := o.list[lo:min(lo+size, n)]
		slices.SortStableFunc(part, compare)
		// The last batch of all may have fewer rows. If it took the longest examples
		// every time, these would weigh more than the others in means over a batch.
		if few := len(part) % o.rows; few > 0 && o.shuffle != nil {
			at := below(o.shuffle, len(part)/o.rows+1) * o.rows
			rotate(part[at:], few)
		}
	}
	for i := n/o.rows - 1; o.shuffle != nil && i > 0; i-- {
		a, b := o.list[i*o.rows:][:o.rows], o.list[below(o.shuffle, i+1)*o.rows:][:o.rows]
		for r := range a {
			a[r], b[r] = b[r], a[r]
		}
	}
}

// rotate moves the first k elements of s behind the others.
func rotate(s []int, k int) {
	slices.Reverse(s[:k])
	slices.Reverse(s[k:])
	slices.Reverse(s)
}

// mix puts s into an order drawn from shuffle; nil leaves it.
func mix[E any](s []E, shuffle *rand.PCG) {
	for i := len(s) - 1; shuffle != nil && i > 0; i-- {
		j := below(shuffle, i+1)
		s[i], s[j] = s[j], s[i]
	}
}

// below returns a number from 0 to n-1.
func below(shuffle *rand.PCG, n int) int {
	// The high half of the product is uniform, up to a bias below 2^-40.
	j, _ := bits.Mul64(shuffle.Uint64(), uint64(n))
	return int(j)
}

// group returns the examples of the current batch.
func (o *order) group() []int { return o.list[o.pos:min(o.pos+o.rows, len(o.list))] }

// ended says whether all examples came.
func (o *order) ended() bool { return o.pos == len(o.list) }

// padding is the share of the pairs (step, row) of all batches of the order that no example
// fills; steps are those of an example.
func (o *order) padding(steps func(i int) int) float64 {
	q := order{rows: o.rows, list: o.list}
	var pairs, filled int64
	for !q.ended() {
		group, most := q.group(), 0
		for _, i := range group {
			most = max(most, steps(i))
			filled += int64(steps(i))
		}
		pairs += int64(most) * int64(o.rows)
		q.pos += len(group)
	}
	if pairs == 0 {
		return 0
	}
	return float64(pairs-filled) / float64(pairs)
}

// checkPosition returns an error if a batch of this order does not begin at pos, or has
// not so many steps. It works on any order of n examples.
func checkPosition(pos, step uint64, n, rows int) error {
	if pos > uint64(n) || step > maxElements || pos%uint64(rows) != 0 && pos != uint64(n) || pos == uint64(n) && step > 0 {
		return fmt.Errorf("data: the position is example %d, step %d, of %d in batches of %d", pos, step, n, rows)
	}
	return nil
}

// position returns the place in the order of examples that have this checksum.
func (o *order) position(sum uint32) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(o.list)))
	b = binary.LittleEndian.AppendUint32(b, sum)
	b = binary.LittleEndian.AppendUint64(b, uint64(o.rows))
	b = binary.LittleEndian.AppendUint64(b, uint64(o.pos))
	b = binary.LittleEndian.AppendUint64(b, uint64(o.step))
	if o.sorted > 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(o.sorted))
	}
	return append(b, o.begin...)
}

// moveTo moves to a place that position returned for the same examples, which errors call
// what. On an error nothing has changed.
func (o *order) moveTo(b []byte, what string, sum uint32, compare func(a, b int) int) error {
	head := 36
	if len(b) < head {
		return fmt.Errorf("data: a position among %s of %d bytes, want at least %d", what, len(b), head)
	}
	n := len(o.list)
	count, its, rows := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint64(b[12:])
	pos, step := binary.LittleEndian.Uint64(b[20:]), binary.LittleEndian.Uint64(b[28:])
	switch {
	case count != uint64(n) || its != sum:
		return fmt.Errorf("data: the position belongs to other %s; resume with those of the run that saved it", what)
	case rows != uint64(o.rows):
		return fmt.Errorf("data: the position belongs to batches of %d rows, these have %d; resume with as many rows as the run that saved it", rows, o.rows)
	}
	if err := checkPosition(pos, step, n, o.rows); err != nil {
		return err
	}
	if o.whole && step > 0 {
		return fmt.Errorf("data: the position is step %d of a batch, which has whole %s", step, what)
	}
	if o.sorted > 0 {
		if len(b) < head+8 || binary.LittleEndian.Uint64(b[head:]) != uint64(o.sorted) {
			return fmt.Errorf("data: the position does not belong to %d batches sorted together; resume with as many as in the run that saved it", o.sorted)
		}
		head += 8
	}
	want := head + len(o.begin)
	switch {
	case len(b) != want && (len(b) == head || o.shuffle == nil && len(b) == head+pcgBytes):
		return fmt.Errorf("data: one of the position and these %s is shuffled, the other is not; give a shuffle as in the run that saved the position", what)
	case len(b) != want:
		return fmt.Errorf("data: a position among these %s of %d bytes, want %d; resume with them shuffled and sorted as in the run that saved it", what, len(b), want)
	}
	if o.shuffle != nil {
		if err := o.shuffle.UnmarshalBinary(b[head:]); err != nil {
			return fmt.Errorf("data: the state of the shuffle in the position: %w", err)
		}
		if err := o.renew(n, compare); err != nil {
			return err
		}
	}
	o.pos, o.step = int(pos), int(step)
	return nil
}

// pcgBytes is the length of the state of a rand.PCG as it marshals itself.
const pcgBytes = 20
