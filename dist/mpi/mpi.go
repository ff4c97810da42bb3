//go:build mpi && cgo

package mpi

// #include "calls.h"
// #include "guard.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Built says whether the package was built with MPI.
const Built = true

// A World is all processes of a job, as a dist.Group. One thread of each process calls MPI,
// whichever goroutines call the methods. While it waits it gives way to other threads and
// processes, so that more ranks than processors get on, if slowly.
type World struct {
	rank, size int
	work       chan func()
	closed     bool
	mutex      sync.Mutex // of a call
}

var began atomic.Bool

// Init makes this process one of its job. A process can call it once. It returns an error if
// the MPI library does not start, or has no threads; a program that mpirun did not start is
// a job of one rank. EnvInit limits how long it may take, EnvLauncher how long a launcher may
// stay after a rank was killed in it; a value that is no number of seconds is an error.
func Init() (*World, error) {
	most, stay, err := limits()
	if err != nil {
		return nil, err
	}
	if !began.CompareAndSwap(false, true) {
		return nil, errors.New("mpi: Init has been called before; a process is one rank, and keeps it")
	}
	w := &World{work: make(chan func())}
	var provided C.int
	started := make(chan struct{})
	go func() {
		// MPI is called by this thread alone, and the thread does nothing else.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var rank, size C.int
		err = guarded(most, stay, func() C.int { return C.simdrnn_init(&rank, &size, &provided) })
		w.rank, w.size = int(rank), int(size)
		close(started)
		for f := range w.work {
			f()
		}
	}()
	<-started
	if err == nil && provided < 1 {
		err = errors.New("mpi: the MPI library takes no calls from a program with threads (MPI_THREAD_FUNNELED); use one that was built with threads")
	}
	if err != nil {
		close(w.work)
		return nil, err
	}
	return w, nil
}

// guarded starts MPI within the limits.
func guarded(most, stay time.Duration, init func() C.int) error {
	if stay > 0 {
		var g C.simdrnn_guard
		if code := C.simdrnn_guard_start(&g, C.int(tenths(stay))); code != 0 {
			return fmt.Errorf("mpi: a process that guards the start: %w; %s=0 goes without it", syscall.Errno(code), EnvLauncher)
		}
		defer C.simdrnn_guard_end(&g)
	}
	if most > 0 {
		end := time.AfterFunc(most, func() {
			fmt.Fprintf(os.Stderr, "mpi: %s has been in MPI_Init for %v and ends: another rank may have ended or hang, or its machine cannot be reached; look for its message, or set %s to more seconds (0: no limit) on all ranks, by mpirun -x %[3]s=SECONDS for example\n", rankName(), most, EnvInit)
			os.Exit(1)
		})
		defer end.Stop()
	}
	return failure("MPI_Init_thread", init())
}

// Library is the name and version of the MPI library.
func Library() string {
	b := make([]byte, 1<<10)
	n := C.simdrnn_library((*C.char)(unsafe.Pointer(&b[0])), C.int(len(b)))
	name, _, _ := strings.Cut(strings.TrimSpace(string(b[:n])), "\n")
	return strings.TrimRight(name, "\x00")
}

// failure is the error of a call of MPI.
func failure(call string, code C.int) error {
	if code == 0 {
		return nil
	}
	b := make([]byte, 1<<10)
	n := C.simdrnn_text(code, (*C.char)(unsafe.Pointer(&b[0])), C.int(len(b)))
	return fmt.Errorf("mpi: %s: %s", call, b[:n])
}

// do calls MPI on its thread.
func (w *World) do(call string, f func() C.int) (err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.closed {
		return fmt.Errorf("mpi: %s after Close", call)
	}
	done := make(chan struct{})
	w.work <- func() {
		defer close(done)
		err = failure(call, f())
	}
	<-done
	return err
}

// Rank is the number of this process in its job.
func (w *World) Rank() int { return w.rank }

// Size is the number of processes.
func (w *World) Size() int { return w.size }

// layout turns the counts of parts into what MPI takes.
func layout(call, name string, counts []int, ranks, n int) (c, at []C.int, err error) {
	if len(counts) != ranks {
		return nil, nil, fmt.Errorf("mpi: %s: %d counts for %s, want one for each of the %d ranks", call, len(counts), name, ranks)
	}
	sum := 0
	for _, k := range counts {
		if k < 0 || k > n-sum {
			return nil, nil, fmt.Errorf("mpi: %s: counts %v for the %d elements of %s, want counts of 0 or more that add up to them", call, counts, n, name)
		}
		c, at = append(c, C.int(k)), append(at, C.int(sum))
		sum += k
	}
	if sum != n || n > math.MaxInt32 {
		return nil, nil, fmt.Errorf("mpi: %s: counts %v for the %d elements of %s, want counts that add up to them, and at most 2^31-1", call, counts, n, name)
	}
	return c, at, nil
}

func floats(v []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(v))) }
func chars(b []byte) *C.char      { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// Exchange implements dist.Group.
func (w *World) Exchange(recv []float32, recvCounts []int, send []float32, sendCounts []int) error {
	to, toAt, err := layout("Exchange", "send", sendCounts, w.size, len(send))
	if err != nil {
		return err
	}
	from, fromAt, err := layout("Exchange", "recv", recvCounts, w.size, len(recv))
	if err != nil {
		return err
	}
	return w.do("MPI_Ialltoallv", func() C.int {
		return C.simdrnn_exchange(floats(recv), &from[0], &fromAt[0], floats(send), &to[0], &toAt[0])
	})
}

// Collect implements dist.Group.
func (w *World) Collect(v []float32, counts []int) error {
	c, at, err := layout("Collect", "v", counts, w.size, len(v))
	if err != nil {
		return err
	}
	return w.do("MPI_Iallgatherv", func() C.int { return C.simdrnn_collect(floats(v), &c[0], &at[0]) })
}

// most is the number of bytes that all ranks together send at a time.
const most = 1 << 28

// Gather implements dist.Group.
func (w *World) Gather(b []byte) ([][]byte, error) {
	lengths := make([]C.int64_t, w.size)
	lengths[w.rank] = C.int64_t(len(b))
	if err := w.do("MPI_Iallgather", func() C.int { return C.simdrnn_gather_lengths(&lengths[0]) }); err != nil {
		return nil, err
	}
	all := make([][]byte, w.size)
	longest := C.int64_t(0)
	for r, n := range lengths {
		longest = max(longest, n)
		all[r] = make([]byte, 0, n)
	}
	share := C.int64_t(max(1, most/w.size))
	for done := C.int64_t(0); done < longest; done += share {
		counts, sum := make([]int, w.size), 0
		for r, n := range lengths {
			counts[r] = int(min(share, max(0, n-done)))
			sum += counts[r]
		}
		c, at, err := layout("Gather", "all bytes", counts, w.size, sum)
		if err != nil {
			return nil, err
		}
		part := make([]byte, sum)
		mine := b[min(len(b), int(done)):][:counts[w.rank]]
		err = w.do("MPI_Iallgatherv", func() C.int { return C.simdrnn_gather(chars(part), &c[0], &at[0], chars(mine), C.int(len(mine))) })
		if err != nil {
			return nil, err
		}
		for r, n := range counts {
			all[r] = append(all[r], part[:n]...)
			part = part[n:]
		}
	}
	return all, nil
}

// Broadcast implements dist.Group.
func (w *World) Broadcast(b []byte, root int) ([]byte, error) {
	if root < 0 || root >= w.size {
		return nil, fmt.Errorf("mpi: Broadcast from rank %d, want 0 to %d", root, w.size-1)
	}
	head := make([]byte, 8)
	if w.rank == root {
		for i := range head {
			head[i] = byte(uint64(len(b)) >> (8 * i))
		}
	}
	if err := w.do("MPI_Ibcast", func() C.int { return C.simdrnn_broadcast(chars(head), C.int(len(head)), C.int(root)) }); err != nil {
		return nil, err
	}
	n := uint64(0)
	for i, v := range head {
		n |= uint64(v) << (8 * i)
	}
	if w.rank != root {
		b = make([]byte, n)
	}
	for part := range slices.Chunk(b, most) {
		if err := w.do("MPI_Ibcast", func() C.int { return C.simdrnn_broadcast(chars(part), C.int(len(part)), C.int(root)) }); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Barrier implements dist.Group.
func (w *World) Barrier() error {
	return w.do("MPI_Ibarrier", func() C.int { return C.simdrnn_barrier() })
}

// Close ends the part of this process in the job. All ranks call it, at the end: a process
// that ends without it ends the job. After an error that the others do not know, and might wait
// for this rank, a process ends without it.
func (w *World) Close() error {
	err := w.do("MPI_Finalize", func() C.int { return C.simdrnn_finalize() })
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !w.closed {
		w.closed = true
		close(w.work)
	}
	return err
}
