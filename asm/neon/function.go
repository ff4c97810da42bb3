package neon

import (
	"fmt"
	"math/bits"
	"slices"
)

// A virt is a virtual register: general or vector.
type virt struct {
	vector bool
	index  int // in function.virts
	color  int // the real register, once allocated
	// version counts the instructions that set it.
	version int
}

// v and x are the real register.
func (r *virt) v() v { return v(r.color) }
func (r *virt) x() x { return x(r.color) }

// An inst is one instruction, label or branch of a function in the making.
type inst struct {
	// write are the registers set, read those used; one that is updated in place
	// stands in both.
	write, read []*virt
	// effect marks what has to stay even if nothing reads the registers it sets.
	effect bool
	// move marks a copy from read[0] to write[0], which disappears when both get
	// the same register.
	move bool
	// at is the address of a load or store, completed by its registers and its
	// form when the function ends: see address.
	at *address
	// label is set for a label; target for a branch, which falls through unless
	// jump is set. stop ends the function.
	label, target string
	jump, stop    bool
	// print is called after the allocation.
	print func() line
}

// reads are the registers that an instruction uses.
func (i *inst) reads() []*virt {
	if i.at == nil {
		return i.read
	}
	r := append(slices.Clone(i.read), i.at.base)
	if index := i.at.indexRegister(); index != nil {
		r = append(r, index)
	}
	return r
}

// A function is a list of instructions on virtual registers.
type function struct {
	name  string
	insts []*inst
	virts []*virt
	used  map[string]int // how often a label's word occurred
}

func (f *function) new(vector bool) *virt {
	r := &virt{vector: vector, index: len(f.virts), color: -1}
	f.virts = append(f.virts, r)
	return r
}

func (f *function) emit(i *inst) {
	for _, r := range i.write {
		r.version++
	}
	f.insts = append(f.insts, i)
}

// fail stops the generator.
func (f *function) fail(format string, args ...any) {
	panic(fmt.Sprintf("neon: %s: %s", f.name, fmt.Sprintf(format, args...)))
}

// unique makes a label's word unique within the function.
func (f *function) unique(word string) string {
	f.used[word]++
	if n := f.used[word]; n > 1 {
		return fmt.Sprintf("%s%d", word, n)
	}
	return word
}

func (f *function) label(name string) { f.emit(&inst{label: name, effect: true}) }

// A set holds virtual registers by index.
type set []uint64

func (s set) has(r *virt) bool { return s[r.index/64]>>(r.index%64)&1 != 0 }
func (s set) add(r *virt)      { s[r.index/64] |= 1 << (r.index % 64) }
func (s set) remove(r *virt)   { s[r.index/64] &^= 1 << (r.index % 64) }

func (s set) each(f func(index int)) {
	for w, word := range s {
		for ; word != 0; word &= word - 1 {
			f(w*64 + bits.TrailingZeros64(word))
		}
	}
}

// finish drops what nothing needs, allocates real registers, and returns the
// instructions that remain.
func (f *function) finish() []*inst {
	for f.dropUnused() {
	}
	f.allocate()
	return slices.DeleteFunc(f.insts, func(i *inst) bool {
		return i.move && i.read[0].color == i.write[0].color
	})
}

// liveAfter is, for each instruction, the registers whose values are needed
// after it. Loops make it a fixed point.
func (f *function) liveAfter() []set {
	labels := map[string]int{}
	for n, i := range f.insts {
		if i.label != "" {
			labels[i.label] = n
		}
	}
	words := (len(f.virts) + 63) / 64
	before, after := make([]set, len(f.insts)), make([]set, len(f.insts))
	for n := range f.insts {
		before[n], after[n] = make(set, words), make(set, words)
	}
	for changed := true; changed; {
		changed = false
		for n := len(f.insts) - 1; n >= 0; n-- {
			i := f.insts[n]
			out := after[n]
			join := func(at int) {
				for w := range out {
					out[w] |= before[at][w]
				}
			}
			if i.target != "" {
				at, ok := labels[i.target]
				if !ok {
					f.fail("no label %s", i.target)
				}
				join(at)
			}
			if !i.jump && !i.stop {
				if n+1 == len(f.insts) {
					f.fail("runs past its end")
				}
				join(n + 1)
			}
			in := slices.Clone(out)
			for _, r := range i.write {
				in.remove(r)
			}
			for _, r := range i.reads() {
				in.add(r)
			}
			if !slices.Equal(in, before[n]) {
				before[n], changed = in, true
			}
		}
	}
	before[0].each(func(r int) { f.fail("register %d is read before it is set", r) })
	return after
}

// dropUnused removes instructions whose results nothing reads, constants that
// were held in vain above all, and reports whether there were any.
func (f *function) dropUnused() bool {
	after := f.liveAfter()
	kept := f.insts[:0:0]
	for n, i := range f.insts {
		needed := i.effect
		for _, r := range i.write {
			needed = needed || after[n].has(r)
		}
		if needed {
			kept = append(kept, i)
		}
	}
	dropped := len(kept) < len(f.insts)
	f.insts = kept
	return dropped
}

// allocatable are the general registers that a function may use, see type x.
// R16 and R17 are left to the linker.
var allocatable = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 25}

// allocate gives each virtual register a real one that no other holds where its
// value is needed. Registers are coloured in the order in which they are first
// set, which for structured code is as good as any; a copy's two sides get the
// same one if they can. There is no spilling: a kernel that needs more registers
// than there are is a mistake to be seen when it is made.
func (f *function) allocate() {
	after := f.liveAfter()
	words := (len(f.virts) + 63) / 64
	conflicts := make([]set, len(f.virts))
	for r := range conflicts {
		conflicts[r] = make(set, words)
	}
	partners := make([][]*virt, len(f.virts))
	var order []*virt
	seen := make(set, words)
	for n, i := range f.insts {
		if i.move {
			from, to := i.read[0], i.write[0]
			partners[from.index] = append(partners[from.index], to)
			partners[to.index] = append(partners[to.index], from)
		}
		for _, r := range i.write {
			if !seen.has(r) {
				seen.add(r)
				order = append(order, r)
			}
			meet := func(other int) {
				o := f.virts[other]
				// A copy holds the same value as its source.
				if o == r || o.vector != r.vector || i.move && o == i.read[0] {
					return
				}
				conflicts[r.index].add(o)
				conflicts[o.index].add(r)
			}
			after[n].each(meet)
			for _, o := range i.write {
				meet(o.index)
			}
		}
	}
	for _, r := range order {
		taken := map[int]bool{}
		conflicts[r.index].each(func(o int) { taken[f.virts[o].color] = true })
		free := func(c int) bool { return !taken[c] }
		choice := make([]int, 0, 40)
		for _, p := range partners[r.index] {
			if p.color >= 0 {
				choice = append(choice, p.color)
			}
		}
		if r.vector {
			choice = append(choice, all32...)
		} else {
			choice = append(choice, allocatable...)
		}
		at := slices.IndexFunc(choice, free)
		if at < 0 {
			kind := "general"
			if r.vector {
				kind = "vector"
			}
			f.fail("more %s registers are needed than there are", kind)
		}
		r.color = choice[at]
	}
}

var all32 = func() (r []int) {
	for i := range 32 {
		r = append(r, i)
	}
	return r
}()
