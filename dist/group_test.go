package dist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
)

// TestCalls: each call gives each rank what it says, also with parts without elements.
func TestCalls(t *testing.T) {
	for n := 1; n <= 5; n++ {
		require.NoError(t, dist.Run(context.Background(), n, func(g dist.Group) error { return calls(g, n) }))
	}
	require.NoError(t, calls(dist.Alone(), 1))
}

func calls(g dist.Group, n int) error {
	if g.Size() != n || g.Rank() < 0 || g.Rank() >= n {
		return fmt.Errorf("rank %d of %d, want %d", g.Rank(), g.Size(), n)
	}
	me := g.Rank()
	// Rank i sends i+j elements to rank j.
	var send, recv []float32
	to, from, end := make([]int, n), make([]int, n), 0
	for j := range n {
		to[j], from[j] = me+j, me+j
		for k := range me + j {
			send = append(send, float32(100*me+10*j+k))
		}
		end += me + j
	}
	recv = make([]float32, end)
	if err := g.Exchange(recv, from, send, to); err != nil {
		return err
	}
	at := 0
	for i := range n {
		for k := range i + me {
			if want := float32(100*i + 10*me + k); recv[at] != want {
				return fmt.Errorf("Exchange: element %d is %v, want %v", at, recv[at], want)
			}
			at++
		}
	}

	counts, v := make([]int, n), []float32{}
	for i := range n {
		counts[i] = i
		for range i {
			if i == me {
				v = append(v, float32(i))
			} else {
				v = append(v, -1)
			}
		}
	}
	if err := g.Collect(v, counts); err != nil {
		return err
	}
	at = 0
	for i := range n {
		for range i {
			if v[at] != float32(i) {
				return fmt.Errorf("Collect: %v", v)
			}
			at++
		}
	}

	all, err := g.Gather(bytes.Repeat([]byte{byte(me)}, me))
	if err != nil {
		return err
	}
	for i := range n {
		if !bytes.Equal(all[i], bytes.Repeat([]byte{byte(i)}, i)) {
			return fmt.Errorf("Gather: %v", all)
		}
	}
	for root := range n {
		got, err := g.Broadcast([]byte{byte(me), 7}[:1+root%2], root)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, []byte{byte(root), 7}[:1+root%2]) {
			return fmt.Errorf("Broadcast from %d: %v", root, got)
		}
	}
	if err := g.Barrier(); err != nil {
		return err
	}
	return g.Close()
}

// TestOneRankFails: the others do not wait for it, and Run names it.
func TestOneRankFails(t *testing.T) {
	broken := errors.New("broken")
	for name, fail := range map[string]func() error{
		"an error": func() error { return broken },
		"a panic":  func() error { panic(broken) },
	} {
		others := make([]error, 4)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := dist.Run(ctx, 4, func(g dist.Group) error {
			if err := g.Barrier(); err != nil {
				return err
			}
			if g.Rank() == 2 {
				return fail()
			}
			others[g.Rank()] = g.Barrier()
			return others[g.Rank()]
		})
		cancel()
		var rank *dist.RankError
		require.ErrorAs(t, err, &rank, name)
		require.Equal(t, 2, rank.Rank, name)
		require.ErrorContains(t, err, "rank 2: ", name)
		require.ErrorContains(t, err, "broken", name)
		for i, err := range others {
			if i != 2 {
				require.ErrorContains(t, err, "broken", "%s: rank %d", name, i)
			}
		}
	}
}

// TestRanksThatDoNotFit: an error that says what differs, and nobody waits for ever.
func TestRanksThatDoNotFit(t *testing.T) {
	for want, f := range map[string]func(g dist.Group) error{
		"rank 1: it has ended while others wait for it": func(g dist.Group) error {
			if g.Rank() == 1 {
				return nil
			}
			return g.Barrier()
		},
		"rank 0: it has ended while others wait for it": func(g dist.Group) error {
			if g.Rank() == 0 {
				time.Sleep(20 * time.Millisecond) // the other waits by now
				return nil
			}
			return g.Barrier()
		},
		"calls Barrier": func(g dist.Group) error {
			if g.Rank() == 1 {
				return g.Barrier()
			}
			_, err := g.Gather(nil)
			return err
		},
		"takes the bytes of rank": func(g dist.Group) error {
			_, err := g.Broadcast(nil, g.Rank())
			return err
		},
		"has counts": func(g dist.Group) error {
			counts := []int{g.Rank(), 1 - g.Rank()}
			return g.Collect(make([]float32, 1), counts)
		},
		"sends 1 elements to rank": func(g dist.Group) error {
			return g.Exchange(make([]float32, 4), []int{2, 2}, make([]float32, 2), []int{1, 1})
		},
		"counts [1 1] for the 3 elements of send": func(g dist.Group) error {
			return g.Exchange(make([]float32, 2), []int{1, 1}, make([]float32, 3), []int{1, 1})
		},
		"1 counts for v, want one for each of the 2 ranks": func(g dist.Group) error { return g.Collect(make([]float32, 1), []int{1}) },
		"counts [-1 2]": func(g dist.Group) error { return g.Collect(make([]float32, 1), []int{-1, 2}) },
		"Broadcast from rank 2, want 0 to 1": func(g dist.Group) error {
			_, err := g.Broadcast(nil, 2)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := dist.Run(ctx, 2, f)
		cancel()
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, dist.Run(context.Background(), 0, nil), "0 ranks, want at least 1")
	g := dist.Alone()
	require.ErrorContains(t, g.Exchange(nil, []int{0}, make([]float32, 1), []int{1}), "sends 1 elements to itself and receives 0")
	require.ErrorContains(t, g.Collect(nil, nil), "0 counts for v")
	_, err := g.Broadcast(nil, -1)
	require.ErrorContains(t, err, "from rank -1")
}

// TestContextEndsTheGroup while a rank waits for another that is busy.
func TestContextEndsTheGroup(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	back := make(chan struct{})
	err := dist.Run(ctx, 2, func(g dist.Group) error {
		if g.Rank() == 1 {
			<-back
			return nil
		}
		defer close(back)
		return g.Barrier()
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// Three ranks add what each of them has.
func Example() {
	err := dist.Run(context.Background(), 3, func(g dist.Group) error {
		v := []float32{float32(g.Rank())}
		if err := dist.AllReduce(g, v); err != nil {
			return err
		}
		if g.Rank() == 1 {
			fmt.Println("rank 1 of", g.Size(), "has", v[0])
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// rank 1 of 3 has 3
	// <nil>
}

// A rank hands its work on, and all learn what each has found.
func ExampleGroup() {
	err := dist.Run(context.Background(), 2, func(g dist.Group) error {
		work, err := g.Broadcast([]byte("3 1 2"), 0)
		if err != nil {
			return err
		}
		all, err := g.Gather(work[2*g.Rank() : 2*g.Rank()+1])
		if err != nil {
			return err
		}
		if g.Rank() == 0 {
			fmt.Printf("%s\n", all)
		}
		return g.Close()
	})
	fmt.Println(err)
	// Output:
	// [3 1]
	// <nil>
}

func ExampleCost() {
	err := dist.Run(context.Background(), 4, func(g dist.Group) error {
		sum, err := dist.NewSum(g, 4, []int{1000})
		if err != nil {
			return err
		}
		sum.Start([][]float32{make([]float32, 1000)})
		sum.Complete(0)
		if err := sum.Wait(); err != nil {
			return err
		}
		if c := sum.Cost(); g.Rank() == 3 {
			fmt.Println(c.Bytes, "bytes for", 4*sum.Size(), "in", c.Sums, "sum")
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 6000 bytes for 4000 in 1 sum
	// <nil>
}

func ExampleRun() {
	err := dist.Run(context.Background(), 3, func(g dist.Group) error {
		v := []float32{1, float32(g.Rank())}
		if err := dist.AllReduce(g, v); err != nil {
			return err
		}
		if g.Rank() == 0 {
			fmt.Println(v)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// [3 3]
	// <nil>
}

// The gradient of eight shards on three ranks, while a backward pass goes on.
func ExampleSum() {
	err := dist.Run(context.Background(), 3, func(g dist.Group) error {
		sum, err := dist.NewSum(g, 8, []int{2, 1})
		if err != nil {
			return err
		}
		gradient := [][]float32{make([]float32, 2), make([]float32, 1)}
		first, end := sum.Shards()
		for shard := first; shard < end; shard++ {
			if shard == end-1 {
				sum.Start(gradient)
			}
			gradient[1][0] = 10 // the last layer is complete first
			if shard == end-1 {
				sum.Complete(2)
			}
			gradient[0][0], gradient[0][1] = float32(shard), 1
			if shard < end-1 {
				sum.Add(gradient)
			}
		}
		sum.Complete(0)
		if err := sum.Wait(); err != nil {
			return err
		}
		if g.Rank() == 2 {
			fmt.Println("shards", first, "to", end-1, gradient)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// shards 5 to 7 [[28 8] [80]]
	// <nil>
}

func ExampleAlone() {
	g := dist.Alone()
	all, err := g.Gather([]byte("only"))
	fmt.Println(g.Rank(), g.Size(), string(all[0]), err)
	// Output: 0 1 only <nil>
}

func ExampleRankError() {
	err := dist.Run(context.Background(), 2, func(g dist.Group) error {
		if g.Rank() == 1 {
			return errors.New("the disk is full")
		}
		return g.Barrier()
	})
	var rank *dist.RankError
	fmt.Println(errors.As(err, &rank), err)
	// Output: true rank 1: the disk is full
}
