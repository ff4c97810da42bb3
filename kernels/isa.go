package kernels

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"
)

// ISA is a tier of instruction sets that the kernels exist for. The kernels are
// its methods.
type ISA uint8

// The tiers, slowest first.
const (
	Scalar ISA = iota // plain Go, everywhere
	AVX2              // amd64 with AVX, AVX2 and FMA
	AVX512            // the same and AVX-512 F, BW, DQ, VL
	NEON              // arm64
	isaCount
)

var isaNames = [isaCount]string{"scalar", "avx2", "avx512", "neon"}

// String returns the name that SIMDRNN_ISA and [ParseISA] take.
func (t ISA) String() string {
	if t >= isaCount {
		return fmt.Sprintf("ISA(%d)", uint8(t))
	}
	return isaNames[t]
}

// ParseISA returns the tier of a name as [ISA.String] gives it.
func ParseISA(name string) (ISA, error) {
	for t, n := range isaNames {
		if n == name {
			return ISA(t), nil
		}
	}
	return Scalar, fmt.Errorf("kernels: unknown tier %q, want one of %s", name, strings.Join(isaNames[:], ", "))
}

// usable is what this process may run: what the CPU, the operating system and
// GODEBUG allow, up to the cap set by SIMDRNN_ISA. It never changes.
var usable [isaCount]bool

// current is the default tier, read where something is packed or created.
var current atomic.Uint32

// envErr says why SIMDRNN_ISA could not be followed.
var envErr error

// EnvISA is the environment variable that caps the tier. It is read once, when
// the package is initialised.
const EnvISA = "SIMDRNN_ISA"

func init() {
	usable, envErr = capped(detect(), os.Getenv(EnvISA))
	current.Store(uint32(best()))
}

// capped returns the tiers of found that the value of SIMDRNN_ISA leaves, and
// what is wrong with the value. A bad value changes nothing but the error.
func capped(found [isaCount]bool, value string) ([isaCount]bool, error) {
	found[Scalar] = true
	if value == "" {
		return found, nil
	}
	limit, err := ParseISA(value)
	if err != nil {
		return found, fmt.Errorf("kernels: %s=%q is no tier; this machine has %s", EnvISA, value, names(found))
	}
	if !found[limit] {
		return found, fmt.Errorf("kernels: %s=%s is not available here; this machine has %s", EnvISA, value, names(found))
	}
	for t := range found {
		found[t] = found[t] && ISA(t) <= limit
	}
	return found, nil
}

func names(set [isaCount]bool) string {
	var list []string
	for t, ok := range set {
		if ok {
			list = append(list, isaNames[t])
		}
	}
	return strings.Join(list, ", ")
}

func best() ISA {
	for t := isaCount - 1; t > Scalar; t-- {
		if usable[t] {
			return t
		}
	}
	return Scalar
}

// Available returns the tiers that can be used, [Scalar] first.
func Available() []ISA {
	var list []ISA
	for t, ok := range usable {
		if ok {
			list = append(list, ISA(t))
		}
	}
	return list
}

// Current returns the default tier.
func Current() ISA { return ISA(current.Load()) }

// Use makes t the default tier of everything that is packed or created from now
// on. What exists keeps the tier it was made with. A tier that is not available
// is refused, as is any call while SIMDRNN_ISA holds a value that could not be
// followed.
func Use(t ISA) error {
	if envErr != nil {
		return envErr
	}
	if t >= isaCount || !usable[t] {
		return fmt.Errorf("kernels: tier %s is not available; choose one of %s", t, names(usable))
	}
	current.Store(uint32(t))
	return nil
}

// need panics unless t can be run here. Every exported kernel calls it before
// it touches anything.
func (t ISA) need() {
	if t >= isaCount || !usable[t] {
		panic(fmt.Sprintf("kernels: tier %s is not available; choose one of %s", t, names(usable)))
	}
}

// Report is what [Info] returns.
type Report struct {
	ISA       ISA    // the default tier
	Available []ISA  // what could be used
	CPU       string // the processor's name, as far as it tells
	L1D, L2   int    // data cache sizes in bytes, -1 where unknown
	L3        int
	FloatMode string // "default", or what foreign code changed in the float control register
	Err       error  // why SIMDRNN_ISA could not be followed, else nil
}

// Info reports which tier is in use and what it was chosen from.
func Info() Report {
	c := cpuid.CPU
	return Report{
		ISA: Current(), Available: Available(), CPU: c.BrandName,
		L1D: c.Cache.L1D, L2: c.Cache.L2, L3: c.Cache.L3,
		FloatMode: floatMode(), Err: envErr,
	}
}

// String returns the report on one line.
func (r Report) String() string {
	s := fmt.Sprintf("%s of %v on %s, float mode %s", r.ISA, r.Available, r.CPU, r.FloatMode)
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// Operands of floatMode, variables so that the sums happen at run time.
var (
	smallest = float32(0x1p-126) // the smallest normal number
	one      = float32(1)
	third    = float32(0x1p-24) / 3 * 2 // 2/3 of half an ulp of 1
)

// floatMode looks at what arithmetic does on the calling thread. The modes
// belong to the thread, so this sees what foreign code left on this one.
func floatMode() string {
	half := smallest / 2
	switch {
	case half == 0:
		return "flush to zero"
	case half+half != smallest:
		return "denormals are zero"
	case one+third != one || -one-third != -one || one-third/2 != one:
		return "rounding is not to nearest"
	}
	return "default"
}
