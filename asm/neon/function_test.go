package neon

import (
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/asm/vec"
)

// listing is the Go text of the function that emit describes.
func listing(t *testing.T, signature string, emit func(vec.Machine)) []string {
	t.Helper()
	f := NewFile("arm64")
	f.Function("F", signature, emit)
	text, err := f.Bytes("a test")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	in := false
	for l := range strings.Lines(string(text)) {
		l = strings.TrimRight(l, "\n")
		in = in || strings.HasPrefix(l, "TEXT ")
		if in && l != "" && !strings.HasPrefix(l, "DATA") && !strings.HasPrefix(l, "GLOBL") {
			lines = append(lines, strings.TrimPrefix(l, "\t"))
		}
	}
	return lines
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// Arguments lie as go vet's asmdecl expects them; it checks the generated files.
func TestLayout(t *testing.T) {
	args, size, err := layout("func(dst, x []float32, a, b float32, p *float32, c float32, n int)")
	if err != nil {
		t.Fatal(err)
	}
	for name, offset := range map[string]int{"dst": 0, "x": 24, "a": 48, "b": 52, "p": 56, "c": 64, "n": 72} {
		if args[name].offset != offset {
			t.Errorf("%s at %d, want %d", name, args[name].offset, offset)
		}
	}
	if size != 80 {
		t.Errorf("%d bytes, want 80", size)
	}
	for _, bad := range []string{"func(s string)", "func() int", "int", "func(m map[int]int)"} {
		if _, _, err := layout(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// What a loop needs keeps its register through it, also past its last mention in
// the text: the next turn comes back to the first.
func TestLoopKeepsItsRegisters(t *testing.T) {
	same(t, listing(t, "func(p *float32, n int)", func(m vec.Machine) {
		p, n := m.Int("p"), m.Int("n")
		first := m.Load(vec.Mem{Base: p})
		m.Loop("turn", n, 1, func() {
			a := m.Add(first, first)
			b := m.Mul(a, a)
			m.Store(b, vec.Mem{Base: p})
		})
		m.Return()
	}),
		"TEXT ·F(SB), NOSPLIT, $0-16",
		"MOVD p+0(FP), R0",
		"MOVD n+8(FP), R1",
		"WORD $0x3cc00000 // ldur q0, [x0]",
		"SUBS $1, R1, R1",
		"BLT done_turn",
		"turn:",
		"WORD $0x4e20d401 // fadd v1.4s, v0.4s, v0.4s",
		"WORD $0x6e21dc21 // fmul v1.4s, v1.4s, v1.4s",
		"FMOVQ F1, (R0)",
		"SUBS $1, R1, R1",
		"BGE turn",
		"done_turn:",
		"RET")
}

// A sum that starts at a constant starts in the constant's register, and takes
// over the name of the polynomial; no copy is left.
func TestHorner(t *testing.T) {
	const c0, c1 vec.Const = 0x40000000, 0x40400000
	polynomial := func(m vec.Machine) {
		p := m.Int("p")
		m.Hold(0, c0, c1)
		x, sum := m.Load(vec.Mem{Base: p}), m.Const(c0)
		m.Horner(sum, x, c1)
		m.Horner(sum, x, x)
		m.Store(sum, vec.Mem{Base: p})
		m.Return()
	}
	same(t, listing(t, "func(p *float32)", polynomial),
		"TEXT ·F(SB), NOSPLIT, $0-8",
		"MOVD $lanes<>(SB), R0",
		"MOVD p+0(FP), R1",
		"WORD $0x3cc00020 // ldur q0, [x1]",
		"WORD $0x3cc00001 // ldur q1, [x0]",
		"WORD $0x3cc10002 // ldur q2, [x0, #16]",
		"VFMLA V0.S4, V1.S4, V2.S4",
		"VFMLA V0.S4, V2.S4, V0.S4",
		"FMOVQ F0, (R1)",
		"RET")
}

// Horner inside a block writes a sum from outside where that is expected.
func TestHornerAcrossBlocks(t *testing.T) {
	got := listing(t, "func(p *float32, n int)", func(m vec.Machine) {
		p, n := m.Int("p"), m.Int("n")
		x := m.Load(vec.Mem{Base: p})
		sum := m.Copy(x)
		m.Loop("turn", n, 1, func() { m.Horner(sum, x, vec.Const(0x40000000)) })
		m.Store(sum, vec.Mem{Base: p})
		m.Return()
	})
	turn := got[slices.Index(got, "turn:")+1:]
	same(t, turn,
		"WORD $0x3cc00002 // ldur q2, [x0]",
		"VFMLA V0.S4, V1.S4, V2.S4",
		"VMOV V2.B16, V1.B16",
		"SUBS $1, R2, R2",
		"BGE turn",
		"done_turn:",
		"FMOVQ F1, (R1)",
		"RET")
}

// The comparison of a magnitude takes it from the value itself, but not once the
// value has changed.
func TestMagnitude(t *testing.T) {
	compare := func(between func(m vec.Machine, x vec.Vec)) string {
		return strings.Join(listing(t, "func(p *float32)", func(m vec.Machine) {
			p := m.Int("p")
			x := m.Load(vec.Mem{Base: p})
			a := m.And(x, restBits)
			between(m, x)
			m.ZeroWhere(m.Less(a, vec.Const(0x40000000)), x)
			m.Store(x, vec.Mem{Base: p})
			m.Return()
		}), "\n")
	}
	if got := compare(func(vec.Machine, vec.Vec) {}); !strings.Contains(got, "facgt") || strings.Contains(got, "fabs") {
		t.Errorf("no comparison of magnitudes in\n%s", got)
	}
	if got := compare(func(m vec.Machine, x vec.Vec) { m.FMA(x, x, x) }); strings.Contains(got, "facgt") {
		t.Errorf("the magnitude of a changed value in\n%s", got)
	}
}

// A load takes the form that costs the least where it reaches.
func TestNearLoadsAreUnscaled(t *testing.T) {
	same(t, listing(t, "func(p *float32)", func(m vec.Machine) {
		p := m.Int("p")
		m.Store(m.Add(m.Load(vec.Mem{Base: p, Disp: 240}), m.Load(vec.Mem{Base: p, Disp: 256})), vec.Mem{Base: p})
		m.Return()
	}),
		"TEXT ·F(SB), NOSPLIT, $0-8",
		"MOVD p+0(FP), R0",
		"WORD $0x3ccf0000 // ldur q0, [x0, #240]",
		"FMOVQ 256(R0), F1",
		"WORD $0x4e21d400 // fadd v0.4s, v0.4s, v1.4s",
		"FMOVQ F0, (R0)",
		"RET")
}

func TestMistakesAreRefused(t *testing.T) {
	for name, emit := range map[string]func(vec.Machine){
		"no such argument":   func(m vec.Machine) { m.Int("q") },
		"wrong kind":         func(m vec.Machine) { m.Base("n") },
		"no return":          func(m vec.Machine) { m.Prefetch(vec.Mem{Base: m.Int("n")}) },
		"write to broadcast": func(m vec.Machine) { b := m.Broadcast(vec.Mem{Base: m.Int("n")}); m.FMA(b, b, b) },
		"scaled index":       func(m vec.Machine) { n := m.Int("n"); m.Load(vec.Mem{Base: n, Index: n, Shift: 2}) },
		"mask of holes":      func(m vec.Machine) { m.AndImm(m.Int("n"), 5) },
		"far step": func(m vec.Machine) {
			n := m.Int("n")
			m.AddImm(n, 5000)
			m.Prefetch(vec.Mem{Base: n})
			m.Return()
		},
		"set in one branch only": func(m vec.Machine) {
			n := m.Int("n")
			var v vec.Vec
			m.IfBit("bit", n, 0, func() { v = m.Zero() })
			m.Store(v, vec.Mem{Base: n})
			m.Return()
		},
		"moving rows": func(m vec.Machine) {
			n := m.Int("n")
			r := m.Rows(n, n, 2)
			m.LoadTail(m.Row(r, 1), m.Tail(n))
			m.MoveRows(r, n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, "neon: ") {
					t.Errorf("panic %q, want one of this package", p)
				}
			}()
			f := NewFile()
			f.Function("F", "func(n int)", emit)
			f.Bytes("a test")
		})
	}
}
