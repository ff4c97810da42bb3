package numtest

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"testing"
	"unsafe"
)

// A Layout says which end of a guarded buffer touches the page that faults.
type Layout int

const (
	Tail Layout = iota // the last element ends where the page after it begins
	Head               // the first element starts where the page before it ends
)

// Layouts lists both: a read past the end shows only in Tail, one before the
// start only in Head.
var Layouts = []Layout{Tail, Head}

func (l Layout) String() string { return [...]string{"tail", "head"}[l] }

// Number is what a guarded buffer can hold.
type Number interface{ ~float32 | ~float64 | ~int32 }

// Guards makes buffers between pages that cause a fault when touched, and frees them
// all with Reset. Where the platform gives no control over pages, Guarded
// is false, the buffers are ordinary memory, and every test that made a Guards
// says so in its log; the canaries around a buffer are still checked.
type Guards struct {
	tb   testing.TB
	free []*fence
	used []*fence
}

// A fence is one mapping: a page that faults, room, a page that faults.
type fence struct {
	whole    []byte // with the two outer pages
	room     []byte // between them
	start    int    // the buffer is room[start:end]
	end      int
	readonly bool
}

// canary fills the bytes between the outer pages that belong to no buffer.
const canary = 0xa5

// NewGuards makes an empty set that is unmapped when the test ends.
func NewGuards(tb testing.TB) *Guards {
	g := &Guards{tb: tb}
	if !Guarded {
		tb.Log("NO GUARD PAGES on this platform: reads outside a buffer go unseen here, only writes close to it are caught")
	}
	tb.Cleanup(func() {
		for _, f := range append(g.free, g.used...) {
			unmapFence(f.whole)
		}
	})
	return g
}

func (g *Guards) take(size int) *fence {
	for i, f := range g.free {
		if len(f.room) >= size {
			g.free[i] = g.free[len(g.free)-1]
			g.free = g.free[:len(g.free)-1]
			g.used = append(g.used, f)
			return f
		}
	}
	pages := max(1, (size+pageSize-1)/pageSize)
	whole, err := mapFence((pages + 2) * pageSize)
	if err != nil {
		g.tb.Fatalf("guard pages: %v", err)
	}
	f := &fence{whole: whole, room: whole[pageSize : len(whole)-pageSize]}
	fill(f.room)
	g.used = append(g.used, f)
	return f
}

func fill(b []byte) {
	for i := range b {
		b[i] = canary
	}
}

// Reset checks that nothing was written around the buffers and takes all of them
// back. It reports an error, named by format, where something was.
func (g *Guards) Reset(format ...any) {
	g.tb.Helper()
	for _, f := range g.used {
		before, after := f.room[:f.start], f.room[f.end:]
		if len(canaries) < len(f.room) {
			canaries = make([]byte, len(f.room))
			fill(canaries)
		}
		dirty := !bytes.Equal(before, canaries[:len(before)]) || !bytes.Equal(after, canaries[:len(after)])
		if dirty {
			g.tb.Errorf("%swrote outside the slice, at byte %d of a buffer of %d", label(format), firstDirty(f), f.end-f.start)
		}
		if f.readonly {
			if err := protectFence(f.room, true); err != nil {
				g.tb.Fatalf("guard pages: %v", err)
			}
			f.readonly = false
		}
		if dirty {
			fill(f.room)
		}
		fill(f.room[f.start:f.end])
		f.start, f.end = 0, 0
	}
	g.free = append(g.free, g.used...)
	g.used = g.used[:0]
}

// canaries is what untouched room looks like.
var canaries []byte

// firstDirty returns the offset from the buffer's start of the first byte around
// it that is not a canary.
func firstDirty(f *fence) int {
	for i, b := range f.room {
		if b != canary && (i < f.start || i >= f.end) {
			return i - f.start
		}
	}
	return 0
}

// Out returns a guarded copy of data that may be written. Its capacity is its
// length.
func Out[E Number](g *Guards, at Layout, data []E) []E {
	s, _ := place(g, at, data)
	return s
}

// In returns a guarded copy of data on pages that may not be written.
func In[E Number](g *Guards, at Layout, data []E) []E {
	s, f := place(g, at, data)
	if err := protectFence(f.room, false); err != nil {
		g.tb.Fatalf("guard pages: %v", err)
	}
	f.readonly = true
	return s
}

func place[E Number](g *Guards, at Layout, data []E) ([]E, *fence) {
	var e E
	size := len(data) * int(unsafe.Sizeof(e))
	f := g.take(size)
	if at == Tail {
		f.start = len(f.room) - size
	}
	f.end = f.start + size
	if size == 0 {
		// A non-nil pointer to a place where any access faults or hits a canary.
		return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(f.room))), 1)[:0:0], f
	}
	s := unsafe.Slice((*E)(unsafe.Pointer(&f.room[f.start])), len(data))
	copy(s, data)
	return s, f
}

// Faults runs f and reports an error, named by format, if f touched memory that
// it may not, instead of letting the fault end the process. It returns whether f
// returned. Any other panic is not caught.
func Faults(tb testing.TB, f func(), format ...any) (ok bool) {
	tb.Helper()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		tb.Helper()
		switch v := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			tb.Errorf("%smemory fault at %#x: %v", label(format), v.Addr(), v)
		case error:
			panic(fmt.Errorf("%s%w", label(format), v))
		default:
			panic(v)
		}
	}()
	f()
	return true
}
