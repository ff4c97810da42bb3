package mpi_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/dist/mpi"
)

// ranks are the functions of ranks.
var ranks = map[string]func() error{"calls": callsOfRank, "sums": sumsOfRank, "leaves": leaves, "begins": beginsOfRank, "poisoned": poisonedOfRank, "late": lateRank}

// TestCalls: each call gives each rank what dist.Group says.
func TestCalls(t *testing.T) {
	needMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	for n := 1; n <= 4; n++ {
		for _, name := range []string{"calls", "sums"} {
			t.Setenv(asRank, name)
			out, err := start(t, "-n", strconv.Itoa(n), self)
			require.NoError(t, err, "%d ranks: %s", n, out)
		}
	}
}

// TestRankThatLeaves: a process that ends without Close ends the job.
func TestRankThatLeaves(t *testing.T) {
	needMPI(t)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(asRank, "leaves")
	out, err := start(t, "-n", "3", self)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "has not ended")
	require.Contains(t, out, "leaves: this rank has had enough")
}

func leaves() error {
	w, err := mpi.Init()
	if err != nil {
		return err
	}
	if w.Rank() == 1 {
		return fmt.Errorf("this rank has had enough")
	}
	return w.Barrier()
}

// TestWithoutMPI: what is missing is said.
func TestWithoutMPI(t *testing.T) {
	if mpi.Built {
		t.Skip("NOT EXERCISED: what is said without MPI; this test binary was built with it")
	}
	w, err := mpi.Init()
	require.Nil(t, w)
	require.ErrorContains(t, err, "built without MPI; install a C compiler, pkg-config and libopenmpi-dev")
	require.Equal(t, "none", mpi.Library())
}

func sumsOfRank() error {
	w, err := mpi.Init()
	if err != nil {
		return err
	}
	// More than a bucket, and parts that are not whole sub-trees.
	const shards, n = 7, 1<<20 + 12345
	s, err := dist.NewSum(w, shards, []int{n - 1000, 1000})
	if err != nil {
		return err
	}
	value := func(shard, i int) float32 { return float32(1+shard) * float32(i%1000) }
	first, end := s.Shards()
	v := [][]float32{make([]float32, n-1000), make([]float32, 1000)}
	for shard := first; shard < end; shard++ {
		i := 0
		for _, part := range v {
			for k := range part {
				part[k] = value(shard, i)
				i++
			}
		}
		if shard < end-1 {
			s.Add(v)
		}
	}
	s.Start(v)
	s.Complete(n - 1000)
	s.Complete(0)
	if err := s.Wait(); err != nil {
		return err
	}
	i := 0
	for _, part := range v {
		for _, got := range part {
			if want := 28 * float32(i%1000); got != want {
				return fmt.Errorf("element %d is %v, want %v", i, got, want)
			}
			i++
		}
	}
	return w.Close()
}

func callsOfRank() error {
	w, err := mpi.Init()
	if err != nil {
		return err
	}
	if _, err := mpi.Init(); err == nil {
		return fmt.Errorf("a second Init was no error")
	}
	n, me := w.Size(), w.Rank()
	// Rank i sends i+j elements to rank j.
	var send []float32
	to, from, sum := make([]int, n), make([]int, n), 0
	for j := range n {
		to[j], from[j] = me+j, me+j
		for k := range me + j {
			send = append(send, float32(100*me+10*j+k))
		}
		sum += me + j
	}
	recv := make([]float32, sum)
	if err := w.Exchange(recv, from, send, to); err != nil {
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
			v = append(v, float32(me))
		}
	}
	if err := w.Collect(v, counts); err != nil {
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
	for _, size := range []int{0, 1, 1000, 1 << 20} {
		all, err := w.Gather(bytes.Repeat([]byte{byte(me + 1)}, size*me))
		if err != nil {
			return err
		}
		for i := range n {
			if !bytes.Equal(all[i], bytes.Repeat([]byte{byte(i + 1)}, size*i)) {
				return fmt.Errorf("Gather of %d bytes of rank %d", len(all[i]), i)
			}
		}
		for root := range n {
			got, err := w.Broadcast(bytes.Repeat([]byte{byte(me)}, size), root)
			if err != nil {
				return err
			}
			if !bytes.Equal(got, bytes.Repeat([]byte{byte(root)}, size)) {
				return fmt.Errorf("Broadcast of %d bytes of rank %d", len(got), root)
			}
		}
	}
	for _, err := range []error{
		w.Exchange(recv, from[:0], send, to), w.Exchange(append(recv, 1), from, send, to), w.Collect(v, make([]int, n+1)), w.Collect(v, append([]int{-1}, counts[1:]...)),
	} {
		if err == nil {
			return fmt.Errorf("counts that do not fit were no error")
		}
	}
	if _, err := w.Broadcast(nil, n); err == nil {
		return fmt.Errorf("a Broadcast from a rank that is not there was no error")
	}
	if err := w.Barrier(); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := w.Barrier(); err == nil || w.Close() == nil {
		return fmt.Errorf("a call after Close was no error")
	}
	return nil
}
