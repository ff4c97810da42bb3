package dist

import (
	"errors"
	"fmt"
	"slices"
)

// A Group is the ranks that work together, seen from one of them.
//
// The methods from Exchange on are collective: all ranks make the same calls in the same
// order, and a call returns when all have made it. One goroutine of a rank makes one call
// at a time. After an error the group cannot be used any more, and all ranks get an error
// from the calls that they are in or make later; a group of processes may end them instead.
//
// The calls take no context. A rank that left a call because its context had ended would
// leave all others waiting in it. A program asks all ranks whether to go on, by a Gather,
// as bptt's Trainer does between two updates.
type Group interface {
	// Rank is the number of this rank, from 0 to Size()-1.
	Rank() int
	Size() int

	// Exchange sends to each rank a part of send, the first to rank 0, and sets recv to
	// the parts that all ranks sent to this one, that of rank 0 first. A part has so many
	// elements as sendCounts and recvCounts say, which agree among the ranks. Neither
	// send nor the counts are changed, and recv has no memory in common with send.
	Exchange(recv []float32, recvCounts []int, send []float32, sendCounts []int) error

	// Collect sets v to the parts of all ranks, that of rank 0 first. Before it each rank
	// has its own part in place. counts is the same on all ranks.
	Collect(v []float32, counts []int) error

	// Gather returns the bytes that each rank gave. The slices are the caller's.
	Gather(b []byte) ([][]byte, error)

	// Broadcast returns the bytes that rank root gave; those of other ranks are not
	// looked at. The slice is the caller's, and may be b.
	Broadcast(b []byte, root int) ([]byte, error)

	// Barrier returns when all ranks have called it.
	Barrier() error

	// Close ends the use of the group by this rank. All ranks call it.
	Close() error
}

// A RankError says on which rank something went wrong.
type RankError struct {
	Rank int
	Err  error
}

// Error says which rank it was, and what.
func (e *RankError) Error() string { return fmt.Sprintf("rank %d: %v", e.Rank, e.Err) }

// Unwrap returns Err.
func (e *RankError) Unwrap() error { return e.Err }

// Alone returns a group of one rank. Its calls return at once.
func Alone() Group { return alone{} }

type alone struct{}

func (alone) Rank() int { return 0 }
func (alone) Size() int { return 1 }

func (alone) Exchange(recv []float32, recvCounts []int, send []float32, sendCounts []int) error {
	if err := checkCounts("Exchange", "send", len(send), sendCounts, 1); err != nil {
		return err
	}
	if err := checkCounts("Exchange", "recv", len(recv), recvCounts, 1); err != nil {
		return err
	}
	if len(send) != len(recv) {
		return fmt.Errorf("dist: Exchange: rank 0 sends %d elements to itself and receives %d", len(send), len(recv))
	}
	copy(recv, send)
	return nil
}

func (alone) Collect(v []float32, counts []int) error {
	return checkCounts("Collect", "v", len(v), counts, 1)
}

func (alone) Gather(b []byte) ([][]byte, error) { return [][]byte{slices.Clone(b)}, nil }

func (alone) Broadcast(b []byte, root int) ([]byte, error) {
	return b, checkRoot(root, 1)
}

func (alone) Barrier() error { return nil }
func (alone) Close() error   { return nil }

// checkCounts returns an error if there is not one count of 0 or more for each rank, or if
// they are not n together.
func checkCounts(call, name string, n int, counts []int, size int) error {
	if len(counts) != size {
		return fmt.Errorf("dist: %s: %d counts for %s, want one for each of the %d ranks", call, len(counts), name, size)
	}
	sum := 0
	for _, c := range counts {
		if c < 0 || c > n-sum {
			return fmt.Errorf("dist: %s: counts %v for the %d elements of %s, want counts of 0 or more that add up to them", call, counts, n, name)
		}
		sum += c
	}
	if sum != n {
		return fmt.Errorf("dist: %s: counts %v for the %d elements of %s, want counts of 0 or more that add up to them", call, counts, n, name)
	}
	return nil
}

func checkRoot(root, size int) error {
	if root < 0 || root >= size {
		return fmt.Errorf("dist: Broadcast from rank %d, want 0 to %d", root, size-1)
	}
	return nil
}

var errEnded = errors.New("it has ended while others wait for it")
