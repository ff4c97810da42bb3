package dist

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
	"github.com/simdrnn/simdrnn/kernels"
)

// bucketSize is how many elements are exchanged at a time: 4 MiB. A larger bucket sends
// larger messages, a smaller one can leave earlier.
const bucketSize = 1 << 20

// A Sum adds vectors, one of each shard, in the order of the tree (see the package
// comment). A vector consists of several slices, the gradients of a net's parameters say.
// For each sum a rank calls
//
//	s.Add(v)       // with the vector of each of its shards but the last, in ascending order
//	s.Start(v)     // with that of the last, which may still be incomplete
//	s.Complete(n)  // the elements of v from n on are complete; the last such call has n = 0
//	err := s.Wait()
//
// and v is then the sum of all shards, on each rank. The exchange of what is complete runs
// while the rest is computed: until Wait the group must not be used.
type Sum struct {
	group   Group
	isa     kernels.ISA
	lengths []int // of the slices
	size    int
	bucket  int

	block node // of shards, of this rank
	merge []int
	parts []int // of each rank, how many sub-trees it sends
	adds  []addition

	stack [][]float32 // sums of this rank's shards before the last
	depth int
	added int // shards

	v      [][]float32   // of the last shard
	left   int           // elements that are not exchanged
	own    []float32     // the sub-trees of a bucket
	packed []float32     // and the same by ranks, where they are several
	recv   []float32     // what all ranks have of the chunk of this one
	chunks []int         // of a bucket, for each rank
	counts [2][]int      // of what is sent and received
	from   atomic.Int64  // what Complete said last
	wake   chan struct{} // that it has said something; nil in a group of one
	done   chan error
	cost   Cost
}

// A Cost is what the exchange of sums has taken of a rank.
type Cost struct {
	Bytes int64         // sent to other ranks
	Busy  time.Duration // in calls of the group
	Wait  time.Duration // of it, that Wait has waited: what the rest of the work did not hide
	Sums  int64
}

// NewSum returns the sum of vectors that consist of slices of these lengths. It is an error
// if there are fewer shards than ranks, since a rank would have nothing to do.
func NewSum(g Group, shards int, lengths []int) (*Sum, error) {
	return newSum(g, shards, lengths, bucketSize)
}

func newSum(g Group, shards int, lengths []int, bucket int) (*Sum, error) {
	ranks := g.Size()
	if shards < ranks {
		return nil, fmt.Errorf("dist: %d shards for %d ranks, want at least one for each; use more shards, or fewer ranks", shards, ranks)
	}
	s := &Sum{group: g, isa: kernels.Current(), lengths: lengths, bucket: bucket, done: make(chan error, 1), chunks: make([]int, ranks)}
	for _, n := range lengths {
		if n < 0 {
			return nil, fmt.Errorf("dist: a sum of slices of the lengths %v, want 0 or more", lengths)
		}
		s.size += n
	}
	root := node{0, shards}
	var all []node
	s.parts = make([]int, ranks)
	for r := range ranks {
		lo, hi := Part(shards, ranks, r)
		before := len(all)
		all = root.within(all, lo, hi)
		s.parts[r] = len(all) - before
	}
	s.adds, _ = root.additions(nil, all, 0)
	s.block.lo, s.block.hi = Part(shards, ranks, g.Rank())
	for shard := s.block.lo; shard < s.block.hi; shard++ {
		s.merge = append(s.merge, root.ends(s.block.lo, s.block.hi, shard))
	}
	s.counts = [2][]int{make([]int, ranks), make([]int, ranks)}
	return s, nil
}

// Shards returns the shards of this rank: those from first to end, without end.
func (s *Sum) Shards() (first, end int) { return s.block.lo, s.block.hi }

// Size returns the number of elements of a vector.
func (s *Sum) Size() int { return s.size }

// Cost returns what the sums so far have taken of this rank.
func (s *Sum) Cost() Cost { return s.cost }

// Add adds the vector of the next shard of this rank, which is not the last. v is not kept.
func (s *Sum) Add(v [][]float32) {
	s.check("Add", v)
	if s.added+1 >= len(s.merge) {
		panic(fmt.Sprintf("dist: Add of shard %d of the %d of this rank; the last is given to Start", s.added, len(s.merge)))
	}
	if s.depth == len(s.stack) {
		s.stack = append(s.stack, make([]float32, s.size))
	}
	top := s.stack[s.depth]
	s.depth++
	at := 0
	for _, part := range v {
		at += copy(top[at:], part)
	}
	for range s.merge[s.added] {
		s.depth--
		to := s.stack[s.depth-1]
		s.isa.Add(to, to, s.stack[s.depth])
	}
	s.added++
}

// Start begins with the last shard of this rank. v is kept until Wait.
func (s *Sum) Start(v [][]float32) {
	s.check("Start", v)
	if s.added+1 != len(s.merge) {
		panic(fmt.Sprintf("dist: Start after %d shards, want it with the last of the %d of this rank", s.added, len(s.merge)))
	}
	s.v, s.left = v, s.size
	if s.group.Size() == 1 {
		return
	}
	s.from.Store(int64(s.size))
	wake := make(chan struct{}, 1)
	s.wake = wake
	go func() {
		var err error
		for range wake {
			if err == nil {
				err = s.advance(int(s.from.Load()))
			}
		}
		s.done <- err
	}()
}

// Complete says that the elements of v from n on are complete, counted through all slices.
func (s *Sum) Complete(n int) {
	switch {
	case s.v == nil:
		panic("dist: Complete before Start")
	case n < 0 || n > s.size:
		panic(fmt.Sprintf("dist: Complete from element %d of %d", n, s.size))
	case s.wake == nil:
		_ = s.advance(n) // of one rank there is no error
	default:
		s.from.Store(int64(n))
		select {
		case s.wake <- struct{}{}:
		default: // it has not looked yet
		}
	}
}

// Wait waits for the sum. After an error the vectors are worth nothing.
func (s *Sum) Wait() (err error) {
	if s == nil {
		return nilcheck.Receiver("dist", "Sum", "Wait")
	}
	if s.v == nil {
		panic("dist: Wait before Start")
	}
	if s.wake != nil {
		begin := time.Now()
		close(s.wake)
		err = <-s.done
		s.cost.Wait += time.Since(begin)
	}
	if err == nil && s.left > 0 {
		panic(fmt.Sprintf("dist: Wait with %d elements that no Complete has named", s.left))
	}
	s.v, s.wake, s.depth, s.added = nil, nil, 0, 0
	s.cost.Sums++
	return err
}

func (s *Sum) check(method string, v [][]float32) {
	if s.v != nil {
		panic("dist: " + method + " before Wait")
	}
	if len(v) != len(s.lengths) {
		panic(fmt.Sprintf("dist: %s: a vector of %d slices, want %d", method, len(v), len(s.lengths)))
	}
	for i, n := range s.lengths {
		if len(v[i]) != n {
			panic(fmt.Sprintf("dist: %s: slice %d of the vector has %d elements, want %d", method, i, len(v[i]), n))
		}
	}
}

// advance exchanges the buckets that are complete.
func (s *Sum) advance(from int) error {
	for s.left > 0 {
		lo := max(0, s.left-s.bucket)
		if lo < from {
			return nil
		}
		if err := s.exchange(lo, s.left); err != nil {
			return err
		}
		s.left = lo
	}
	return nil
}

// exchange makes the sum of the elements from lo to hi.
func (s *Sum) exchange(lo, hi int) error {
	ranks, n := s.group.Size(), hi-lo
	parts := s.parts[s.group.Rank()]
	s.own = grown(s.own, parts*n)
	for r := range ranks {
		a, b := Part(n, ranks, r)
		s.chunks[r] = b - a
	}

	// The sub-trees of this rank. The last shard goes into the last of them.
	own := s.own[:parts*n]
	last := own[(parts-1)*n:]
	s.each(lo, hi, func(v []float32, at int) { copy(last[at:], v) })
	depth := s.depth
	for range s.merge[len(s.merge)-1] {
		depth--
		s.isa.Add(last, s.stack[depth][lo:hi], last)
	}
	if ranks == 1 {
		s.each(lo, hi, func(v []float32, at int) { copy(v, last[at:]) })
		return nil
	}
	for k := range depth {
		copy(own[k*n:], s.stack[k][lo:hi])
	}

	// Each rank gets its chunk of each of them.
	begin := time.Now()
	send := own
	if parts > 1 {
		s.packed = grown(s.packed, parts*n)
		send = s.packed[:0]
		for r := range ranks {
			a, b := Part(n, ranks, r)
			for k := range parts {
				send = append(send, own[k*n+a:k*n+b]...)
			}
		}
	}
	me := s.group.Rank()
	chunk, total := s.chunks[me], 0
	for r := range ranks {
		s.counts[0][r], s.counts[1][r] = parts*s.chunks[r], s.parts[r]*chunk
		total += s.counts[1][r]
	}
	s.recv = grown(s.recv, total)
	recv := s.recv[:total]
	if err := s.group.Exchange(recv, s.counts[1], send, s.counts[0]); err != nil {
		return err
	}
	for _, a := range s.adds {
		left := recv[a.left*chunk:][:chunk]
		s.isa.Add(left, left, recv[a.right*chunk:][:chunk])
	}

	// And then all chunks.
	whole := own[:n]
	at, _ := Part(n, ranks, me)
	copy(whole[at:], recv[:chunk])
	if err := s.group.Collect(whole, s.chunks); err != nil {
		return err
	}
	s.each(lo, hi, func(v []float32, at int) { copy(v, whole[at:]) })
	s.cost.Busy += time.Since(begin)
	s.cost.Bytes += 4 * int64(parts*(n-chunk)+(ranks-1)*chunk)
	return nil
}

// each calls f for the parts of the slices that the elements from lo to hi consist of, and
// says where they begin among these.
func (s *Sum) each(lo, hi int, f func(v []float32, at int)) {
	first := 0
	for i, n := range s.lengths {
		a, b := max(lo, first), min(hi, first+n)
		if a < b {
			f(s.v[i][a-first:b-first], a-lo)
		}
		first += n
	}
}

// grown returns v, or larger memory, with room for n elements.
func grown(v []float32, n int) []float32 {
	if cap(v) < n {
		return make([]float32, n)
	}
	return v[:cap(v)]
}

// AllReduce adds v over all ranks, one shard of each: for sums that need not have the same
// bits with other numbers of ranks.
func AllReduce(g Group, v []float32) error {
	s, err := NewSum(g, g.Size(), []int{len(v)})
	if err != nil {
		return err
	}
	s.Start([][]float32{v})
	s.Complete(0)
	return s.Wait()
}
