package kernels_test

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// The reference is slow, under an emulator most of all, so what it gives for many
// inputs is committed as hashes. Every platform and tier has to reproduce them.
//
// -update writes them from the scalar tier. A line that changes is a broken
// promise unless the function was meant to change.
var update = flag.Bool("update", false, "rewrite testdata/hashes.txt from the scalar tier")

const hashes = "testdata/hashes.txt"

// hash is the beginning of the SHA-256 of values, NaNs canonical.
func hash(x []float32) string {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, numtest.Bits(v))
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))[:16]
}

// A recorded result has a name and is computed anew on a tier.
type recorded struct {
	name string
	// short asks for it in short runs and on the scalar tier, and scalar there
	// under an emulator too.
	scalar, short bool
	run           func(isa kernels.ISA) []float32
}

const (
	strata  = 64
	stratum = 1 << 20
)

// recordings are the activations over strata that together take 2^26 inputs from
// all of float32, random numbers, and products whose k is cut into several blocks.
func recordings() (list []recorded) {
	for _, a := range activations {
		for s := range strata {
			list = append(list, recorded{fmt.Sprintf("%s.%d", a.name, s), s == 0, s%4 == 0, func(isa kernels.ISA) []float32 {
				x := make([]float32, stratum)
				for j := range x {
					// Neighbours are 4096 bit patterns apart; where between is up to a
					// stride that goes with both.
					x[j] = math.Float32frombits(uint32(j)<<12 | uint32(s*2533+j*689)&0xfff)
				}
				a.run(isa, x, x)
				return x
			}})
		}
	}
	for i, c := range counters {
		list = append(list, recorded{fmt.Sprintf("Uniform.%d", i), true, true, func(isa kernels.ISA) []float32 {
			u := make([]float32, 1<<16)
			isa.Uniform(u, c.counter, c.key)
			return u
		}})
	}
	for _, size := range []struct{ m, n, k int }{{97, 129, 1025}, {64, 256, 512}, {7, 63, 8200}, {1, 300, 3000}} {
		for _, into := range []kernels.Into{kernels.Set, kernels.Continue, kernels.AddTo, kernels.SetFlush} {
			for form := range 4 {
				transA, transB := form&1 != 0, form&2 != 0
				name := fmt.Sprintf("Gemm.%dx%dx%d.into%d.transA=%v.transB=%v", size.m, size.n, size.k, into, transA, transB)
				list = append(list, recorded{name, form == 0 && into == kernels.AddTo && size.m < 10, true, func(isa kernels.ISA) []float32 {
					r := newSource(77)
					a, b, c := r.values(size.m*size.k, moderate), r.values(size.k*size.n, moderate), r.values(size.m*size.n, moderate)
					lda, ldb := size.k, size.n
					if transA {
						lda = size.m
					}
					if transB {
						ldb = size.k
					}
					isa.Gemm(into, transA, transB, size.m, size.n, size.k, a, lda, b, ldb, c, size.n, nil)
					return c
				}})
			}
		}
	}
	return list
}

func TestRecordedHashes(t *testing.T) {
	if *update {
		text := "# results of the scalar tier: go test ./kernels -run RecordedHashes -update\n"
		for _, r := range recordings() {
			text += r.name + " " + hash(r.run(kernels.Scalar)) + "\n"
		}
		if err := os.WriteFile(hashes, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(hashes)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for l := range strings.Lines(string(text)) {
		if name, sum, ok := strings.Cut(strings.TrimSpace(l), " "); ok && name != "#" {
			want[name] = sum
		}
	}
	if n := len(recordings()); len(want) != n {
		t.Fatalf("%s has %d hashes, want %d", hashes, len(want), n)
	}
	numtest.EachTier(t, func(t *testing.T, isa kernels.ISA) {
		for _, r := range recordings() {
			scalar := isa == kernels.Scalar // where the hashes come from
			if !r.short && (testing.Short() || scalar) || !r.scalar && scalar && numtest.Emulated() {
				continue
			}
			if got := hash(r.run(isa)); got != want[r.name] {
				t.Errorf("%s: hash %s, want %s", r.name, got, want[r.name])
			}
		}
	})
}
