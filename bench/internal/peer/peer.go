// Package peer knows the libraries that are compared: what each is, how its
// driver is found or built, and what to tell when it is missing.
package peer

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/simdrnn/simdrnn/bench/internal/process"
)

// A Peer is a library, or a way to use it.
type Peer struct {
	Name string
	Text string // what it is compared in
	// Variant is handed to the driver.
	Variant string
	// Install says how to get what the driver needs.
	Install string

	find func(*Finder) (process.Command, error)
}

// A Missing error says what a peer lacks on this machine.
type Missing struct{ What, Install string }

func (e *Missing) Error() string {
	if e.Install == "" {
		return e.What
	}
	return e.What + "; to have it: " + e.Install
}

const (
	installCompiler = "install a C and a C++ compiler, such as gcc and g++, or set CC and CXX"
	installOneDNN   = "apt-get install libdnnl-dev, or build github.com/uxlfoundation/oneDNN and set DNNLROOT to where it was installed"
	installPython   = "install Python 3 and name it with -python"
)

// All are the peers.
var All = []Peer{
	{
		Name: "gonum", Text: "products: gonum's blas32 in Go and assembly",
		find: func(f *Finder) (process.Command, error) { return f.itself("gonum") },
	},
	{
		Name: "spago", Text: "layers: spaGO, the pure-Go library that trains an LSTM", Install: "access to a Go module proxy",
		find: func(f *Finder) (process.Command, error) { return f.goDriver("spago") },
	},
	{
		Name: "onednn", Text: "layers and products: oneDNN, weights in its own layout", Variant: "outside", Install: installOneDNN,
		find: oneDNN,
	},
	{
		Name: "onednn-inside", Text: "training passes: oneDNN, weights and their gradients brought into its layout and back in every pass", Variant: "inside", Install: installOneDNN,
		find: oneDNN,
	},
	{
		Name: "pytorch", Text: "layers and whole training steps: PyTorch", Install: "pip install torch, and name that Python with -python",
		find: func(f *Finder) (process.Command, error) { return f.pythonDriver("pytorch", "torch") },
	},
	{
		Name: "onnxruntime", Text: "inference of layers: ONNX Runtime", Install: "pip install onnxruntime onnx, and name that Python with -python",
		find: func(f *Finder) (process.Command, error) {
			return f.pythonDriver("onnxruntime", "onnxruntime", "onnx", "numpy")
		},
	},
	{
		Name: "openblas", Text: "products: OpenBLAS", Install: "pip install scipy-openblas32, and name that Python with -python; or apt-get install libopenblas-dev; or set OPENBLASROOT",
		find: openBLAS,
	},
	{
		Name: "mkl", Text: "products: Intel MKL, with its packed form", Install: "pip install mkl mkl-include, and name that Python with -python; or install oneAPI and set MKLROOT",
		find: mkl,
	},
	{
		Name: "libxsmm", Text: "packed products: libxsmm 1.17", Install: "apt-get install libxsmm-dev, or set LIBXSMMROOT",
		find: libxsmm,
	},
}

// Choose returns the peers of a list of names separated by commas: all for "all",
// none for "none".
func Choose(list string) ([]Peer, error) {
	switch list {
	case "all":
		return All, nil
	case "none":
		return nil, nil
	}
	var chosen []Peer
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(All, func(p Peer) bool { return p.Name == strings.TrimSpace(name) })
		if i < 0 {
			var names []string
			for _, p := range All {
				names = append(names, p.Name)
			}
			return nil, fmt.Errorf("no peer %q; there are %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, All[i])
	}
	return chosen, nil
}

// Find returns how to start the driver of p. The error is a *Missing, which says
// what to do, if this machine lacks something.
func (p Peer) Find(f *Finder) (process.Command, error) {
	c, err := p.find(f)
	if m, ok := err.(*Missing); ok && m.Install == "" {
		m.Install = p.Install
	}
	return c, err
}

// dropped are the beginnings of environment variables that choose kernels,
// layouts or threads of a library: what a user has set for something else must not
// slow a peer down.
var dropped = []string{
	"OPENBLAS_CORETYPE=", "OPENBLAS_L2_SIZE=", "OPENBLAS_VERBOSE=", "GOTO_NUM_THREADS=",
	"ONEDNN_", "DNNL_", "MKL_", "ATEN_CPU_CAPABILITY=", "LIBXSMM_",
	"OMP_", "GOMP_", "KMP_", "SIMDRNN_ISA=", "SIMDRNN_REQUIRE_ISA=", "GOMAXPROCS=", "GODEBUG=",
}

// caps are what limits the peers to the instruction set of one of our tiers, as far
// as they can be limited.
var caps = map[string][]string{
	"avx2": {"ONEDNN_MAX_CPU_ISA=AVX2", "DNNL_MAX_CPU_ISA=AVX2", "MKL_ENABLE_INSTRUCTIONS=AVX2", "ATEN_CPU_CAPABILITY=avx2", "OPENBLAS_CORETYPE=Haswell", "LIBXSMM_TARGET=hsw"},
}

// Cap returns the environment that holds peers to a tier.
func Cap(isa string) ([]string, error) {
	if env, ok := caps[isa]; ok {
		return env, nil
	}
	return nil, fmt.Errorf("peers cannot be held to %s, only to avx2", isa)
}

// Environment returns the environment of a driver that runs on that many threads.
func Environment(base []string, threads int, more ...string) []string {
	var env []string
	for _, kv := range base {
		if !slices.ContainsFunc(dropped, func(d string) bool { return strings.HasPrefix(kv, d) }) && !strings.HasPrefix(kv, "OPENBLAS_NUM_THREADS=") {
			env = append(env, kv)
		}
	}
	for _, name := range []string{"GOMAXPROCS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"} {
		env = append(env, fmt.Sprintf("%s=%d", name, threads))
	}
	return append(env, more...)
}

// Itself returns how to start the driver of that name in this program.
func (f *Finder) Itself(name string) (process.Command, error) { return f.itself(name) }

func (f *Finder) itself(name string) (process.Command, error) {
	self, err := os.Executable()
	return process.Command{Path: self, Args: []string{"-serve", name}}, err
}
