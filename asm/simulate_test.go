package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/asm/kernel"
)

// A simulator runs the amd64 text of the kernels that pack: the few instructions
// that they consist of, on memory that is one slice. So the AVX-512 form is tested
// on machines without it; the AVX2 form, which also runs on processors, shows that
// the simulator does what they do.
type simulator struct {
	lanes   int
	memory  []byte
	code    []string
	labels  map[string]int
	symbols map[string]int // addresses of the file's data
	args    map[int]int    // words of the argument area by offset
	regs    map[string]int
	vectors map[string][16]uint32
	masks   map[string]uint32
	flags   int // what the last comparison or subtraction left
}

var (
	datum   = regexp.MustCompile(`^DATA (\w+)<>\+(\d+)\(SB\)/(\d), \$(0x[0-9a-f]+)$`)
	pointer = regexp.MustCompile(`^(-?\d*)\((\w+)\)(?:\((\w+)\*(\d)\))?$`)
	global  = regexp.MustCompile(`^(\w+)<>\+(\d+)\(SB\)$`)
	frame   = regexp.MustCompile(`^\w+\+(\d+)\(FP\)$`)
)

// newSimulator loads one function of a file. Room for the caller is at the
// beginning of memory, from address room on.
func newSimulator(t *testing.T, source, function string, lanes, size int) *simulator {
	t.Helper()
	s := &simulator{lanes: lanes, memory: make([]byte, size), labels: map[string]int{}, symbols: map[string]int{},
		args: map[int]int{}, regs: map[string]int{}, vectors: map[string][16]uint32{}, masks: map[string]uint32{}}
	in := false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if m := datum.FindStringSubmatch(line); m != nil {
			if m[2] == "0" {
				s.symbols[m[1]] = len(s.memory)
			}
			v, err := strconv.ParseUint(m[4], 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], v)
			s.memory = append(s.memory, word[:m[3][0]-'0']...)
		}
		switch {
		case strings.HasPrefix(line, "TEXT "):
			in = strings.HasPrefix(line, "TEXT ·"+function+"(SB)")
		case !in || line == "" || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "DATA") || strings.HasPrefix(line, "GLOBL"):
		case strings.HasSuffix(line, ":"):
			s.labels[strings.TrimSuffix(line, ":")] = len(s.code)
		default:
			s.code = append(s.code, line)
		}
	}
	if len(s.code) == 0 {
		t.Fatalf("no function %s", function)
	}
	return s
}

func (s *simulator) address(o string) int {
	if m := global.FindStringSubmatch(o); m != nil {
		n, _ := strconv.Atoi(m[2])
		return s.symbols[m[1]] + n
	}
	m := pointer.FindStringSubmatch(o)
	if m == nil {
		panic("no address: " + o)
	}
	a := s.regs[m[2]]
	if m[1] != "" {
		n, _ := strconv.Atoi(m[1])
		a += n
	}
	if m[3] != "" {
		n, _ := strconv.Atoi(m[4])
		a += s.regs[m[3]] * n
	}
	return a
}

func (s *simulator) word(o string) int {
	if m := frame.FindStringSubmatch(o); m != nil {
		n, _ := strconv.Atoi(m[1])
		return s.args[n]
	}
	if n, ok := strings.CutPrefix(o, "$"); ok {
		v, err := strconv.ParseInt(strings.TrimPrefix(n, "+"), 0, 64)
		if err != nil {
			panic(err)
		}
		return int(v)
	}
	if strings.Contains(o, "(") {
		return int(binary.LittleEndian.Uint64(s.memory[s.address(o):]))
	}
	return s.regs[o]
}

// lane is a float32 in memory, setLane writes one.
func (s *simulator) lane(address, n int) uint32 {
	return binary.LittleEndian.Uint32(s.memory[address+4*n:])
}

func (s *simulator) setLane(address, n int, v uint32) {
	binary.LittleEndian.PutUint32(s.memory[address+4*n:], v)
}

// source is a vector operand, a register or memory.
func (s *simulator) source(o string) (v [16]uint32) {
	if !strings.Contains(o, "(") {
		return s.vectors[o]
	}
	for l := range s.lanes {
		v[l] = s.lane(s.address(o), l)
	}
	return v
}

// on says whether lane l of a mask is set, all are without one.
func (s *simulator) on(mask string, l int) bool {
	switch {
	case mask == "":
		return true
	case mask[0] == 'K':
		return s.masks[mask]>>l&1 != 0
	}
	return s.vectors[mask][l]>>31 != 0
}

// zip is an interleaving of words or, with pair, of pairs, from the given word of
// each 128 bits on.
func zip(a, b [16]uint32, from int, pair bool) (d [16]uint32) {
	for q := 0; q < 16; q += 4 {
		x, y := a[q+from:], b[q+from:]
		if pair {
			d[q], d[q+1], d[q+2], d[q+3] = x[0], x[1], y[0], y[1]
		} else {
			d[q], d[q+1], d[q+2], d[q+3] = x[0], y[0], x[1], y[1]
		}
	}
	return d
}

// run runs the function to its RET.
func (s *simulator) run() {
	for pc := 0; ; pc++ {
		op, rest, _ := strings.Cut(s.code[pc], " ")
		var o []string
		for _, f := range strings.Split(rest, ", ") {
			o = append(o, strings.TrimSpace(f))
		}
		last := o[len(o)-1]
		jump := false
		switch op {
		case "RET":
			return
		case "VZEROUPPER", "PCALIGN", "PREFETCHT1": // nothing that a program sees
		case "MOVQ":
			s.regs[last] = s.word(o[0])
		case "LEAQ":
			s.regs[last] = s.address(o[0])
		case "XORQ":
			s.regs[last] ^= s.word(o[0])
		case "ADDQ":
			s.regs[last] += s.word(o[0])
		case "SUBQ":
			s.regs[last] -= s.word(o[0])
			s.flags = s.regs[last]
		case "SHLQ":
			s.regs[last] <<= s.word(o[0])
		case "NEGQ":
			s.regs[last] = -s.regs[last]
		case "CMPQ":
			s.flags = s.word(o[0]) - s.word(o[1])
		case "JLT":
			jump = s.flags < 0
		case "JGE":
			jump = s.flags >= 0
		case "JNE":
			jump = s.flags != 0
		case "JMP":
			jump = true
		case "KMOVW":
			s.masks[last] = uint32(binary.LittleEndian.Uint16(s.memory[s.address(o[0]):]))
		case "VMOVUPS", "VMOVUPS.Z", "VMASKMOVPS":
			mask := ""
			if len(o) == 3 {
				mask = o[1]
			}
			if strings.Contains(last, "(") {
				v := s.vectors[o[0]]
				for l := range s.lanes {
					if s.on(mask, l) {
						s.setLane(s.address(last), l, v[l])
					}
				}
				break
			}
			var v [16]uint32
			for l := range s.lanes {
				if s.on(mask, l) { // what is masked off is not read
					v[l] = s.lane(s.address(o[0]), l)
				}
			}
			s.vectors[last] = v
		case "VBROADCASTSS", "VBROADCASTF128", "VBROADCASTF32X4":
			v, of := [16]uint32{}, 4
			if op == "VBROADCASTSS" {
				of = 1
			}
			for l := range s.lanes {
				v[l] = s.lane(s.address(o[0]), l%of)
			}
			s.vectors[last] = v
		case "VINSERTF128", "VINSERTF32X4":
			v := s.vectors[o[2]]
			for l := range 4 {
				v[4*s.word(o[0])+l] = s.lane(s.address(o[1]), l)
			}
			s.vectors[last] = v
		case "VUNPCKLPS", "VUNPCKHPS", "VUNPCKLPD", "VUNPCKHPD":
			from := 0
			if op[len("VUNPCK")] == 'H' {
				from = 2
			}
			s.vectors[last] = zip(s.vectors[o[1]], s.source(o[0]), from, strings.HasSuffix(op, "D"))
		case "VANDPS", "VPANDD", "VANDNPS":
			a, b := s.vectors[o[1]], s.source(o[0])
			for l := range b {
				if op == "VANDNPS" {
					a[l] = ^a[l]
				}
				b[l] &= a[l]
			}
			s.vectors[last] = b
		case "VPXORD": // with a mask: ZeroWhere
			a, d := s.vectors[o[0]], s.vectors[last]
			for l := range d {
				if s.on(o[2], l) {
					d[l] = a[l] ^ s.vectors[o[1]][l]
				}
			}
			s.vectors[last] = d
		case "VCMPPS":
			if o[0] != "$0x11" {
				panic("comparison " + o[0])
			}
			a, b := s.vectors[o[2]], s.source(o[1])
			var v [16]uint32
			var k uint32
			for l := range s.lanes {
				if math.Float32frombits(a[l]) < math.Float32frombits(b[l]) {
					v[l], k = math.MaxUint32, k|1<<l
				}
			}
			if s.vectors[last] = v; last[0] == 'K' {
				s.masks[last] = k
			}
		default:
			panic("an instruction that the simulator lacks: " + s.code[pc])
		}
		if jump {
			pc = s.labels[last] - 1
		}
	}
}

// flushed is what is stored of v.
func flushed(v uint32, flags int) uint32 {
	if flags&1 != 0 && v&(1<<31-1) < 0x0d800000 {
		return 0
	}
	return v
}

// awkward are words that are all different, tiny ones and NaN among them.
func awkward(i int) uint32 {
	return uint32(i) | [...]uint32{0x3f800000, 0x7f800000, 0x0d7f0000, 0x80000000, 0xff810000, 0x0d800000}[i%6]
}

// packed runs the kernels of a target that pack over all that can be different and returns
// the first difference.
func packed(t *testing.T, target Target, source string) error {
	t.Helper()
	const rows, tails, src, dst, size = 64, 256, 4096, 1 << 16, 1 << 18
	nr := target.Lanes * target.Vecs
	for flags := range 2 {
		for steps := 0; steps <= 40; steps += 4 {
			s := newSimulator(t, source, "PackStrip", target.Lanes, size)
			for i := range (size - src) / 4 {
				s.setLane(src, i, awkward(i))
			}
			want := append([]byte(nil), s.memory...)
			w := &simulator{memory: want}
			for r := range target.Lanes {
				from := src + 4*(r*61+r%3)
				binary.LittleEndian.PutUint64(want[rows+8*r:], uint64(from))
				for q := range steps {
					w.setLane(dst, q*nr+r, flushed(s.lane(from, q), flags))
				}
			}
			copy(s.memory[rows:], want[rows:rows+128])
			s.args = map[int]int{0: dst, 8: rows, 16: steps, 24: flags}
			s.run()
			if err := differ(s, w, fmt.Sprintf("PackStrip of %d steps, flags %d", steps, flags)); err != nil {
				return err
			}
		}
	}
	for flags := range 4 {
		for width := 0; width <= 3*nr; width++ {
			if part := width%nr != 0; (flags&kernel.PackPart != 0) != part {
				continue
			}
			s := newSimulator(t, source, "PackRows", target.Lanes, size)
			for i := range (size - src) / 4 {
				s.setLane(src, i, awkward(i))
			}
			pieces, n := width/nr, (width+nr-1)/nr
			rows, ldp, ldd, lds, first := (width+3-width/nr)%4, 5*nr+width%3, nr+width%2, width+7, 0
			if width%5 == 0 { // from the last row to the first
				first, lds = 3*lds, -lds
			}
			for v := range target.Vecs {
				binary.LittleEndian.PutUint64(s.memory[tails+8*v:], uint64(max(0, min(target.Lanes, width%nr-v*target.Lanes))))
			}
			w := &simulator{memory: append([]byte(nil), s.memory...)}
			for i := range rows {
				for j := range n * nr {
					v := uint32(0)
					if j < width {
						v = flushed(s.lane(src, first+i*lds+j), flags)
					}
					w.setLane(dst, j/nr*ldp+i*ldd+j%nr, v)
				}
			}
			s.args = map[int]int{0: dst, 8: src + 4*first, 16: rows, 24: pieces, 32: ldp, 40: ldd, 48: lds, 56: tails, 64: flags}
			s.run()
			if err := differ(s, w, fmt.Sprintf("PackRows of %d rows of %d columns, flags %d", rows, width, flags)); err != nil {
				return err
			}
		}
	}
	// Pieces of a panel's columns; behind those of the last row is what followed them.
	h, wide := target.Rows, target.Lanes*kernel.FactorVecs(target.Lanes, target.Rows)
	for rows := range 4 {
		for pieces := range 4 {
			s := newSimulator(t, source, "PackFactors", target.Lanes, size)
			for i := range (size - src) / 4 {
				s.setLane(src, i, awkward(i))
			}
			ldp, lds, first := (rows+1)*h+wide+pieces, pieces*h+wide+3, 0
			if pieces%2 == 1 { // from the last row to the first
				first, lds = 3*lds, -lds
			}
			w := &simulator{memory: append([]byte(nil), s.memory...)}
			for i := range rows {
				for p := range pieces {
					for j := range wide {
						w.setLane(dst, p*ldp+i*h+j, s.lane(src, first+i*lds+p*h+j))
					}
				}
			}
			s.args = map[int]int{0: dst, 8: src + 4*first, 16: rows, 24: pieces, 32: ldp, 40: lds}
			s.run()
			if err := differ(s, w, fmt.Sprintf("PackFactors of %d pieces of %d rows", pieces, rows)); err != nil {
				return err
			}
		}
	}
	return nil
}

// differ compares all of memory.
func differ(got, want *simulator, what string) error {
	for i := range len(want.memory) / 4 {
		if g, w := got.lane(0, i), want.lane(0, i); g != w {
			return fmt.Errorf("%s: word %d is %08x, want %08x", what, i, g, w)
		}
	}
	return nil
}

// What the amd64 kernels that pack do, whether or not a processor here can run
// them: every lane comes where it belongs, and nothing else is written.
func TestPackingByHand(t *testing.T) {
	for _, target := range targetsOf("amd64") {
		source := string(files(t)["kernels/internal/"+target.Package+"/zpack_amd64.s"])
		if err := packed(t, target, source); err != nil {
			t.Errorf("%s: %v", target.ISA, err)
		}
		// The simulator notices a lane at another place.
		for _, change := range [][2]string{
			{"VUNPCKHPS", "VUNPCKLPS"}, {"VUNPCKHPD", "VUNPCKLPD"}, {"$0x01, ", "$0x00, "},
		} {
			if packed(t, target, strings.Replace(source, change[0], change[1], 1)) == nil {
				t.Errorf("%s: nothing is wrong with %s for the first %s", target.ISA, change[1], change[0])
			}
		}
	}
}
