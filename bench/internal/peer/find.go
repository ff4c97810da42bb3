package peer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/simdrnn/simdrnn/bench/internal/process"
)

// A Finder looks for libraries and builds drivers.
type Finder struct {
	Dir    string // the folder of the module bench
	Cache  string // where drivers are built
	Python string // the command of a Python, which also tells where its packages have libraries
	Getenv func(string) string

	prefix *string // of Python, once it has been asked
}

// DefaultPython returns the Python to use if none is named: what the environment
// variable SIMDRNN_BENCH_PYTHON says, or python3.
func DefaultPython() string { return cmp.Or(os.Getenv("SIMDRNN_BENCH_PYTHON"), "python3") }

// buildLimit is how long a compiler or a question to Python may take.
const buildLimit = 10 * time.Minute

// output runs a command and returns what it printed; the error has what it wrote to its
// standard error.
func output(dir string, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env, c.WaitDelay = dir, env, time.Second
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return "", &failed{name, err, errs.String()}
	}
	return out.String(), nil
}

// failed is a command that failed.
type failed struct {
	name   string
	err    error
	stderr string
}

func (e *failed) Unwrap() error { return e.err }

// Error has the first line that speaks of an error, or the last one.
func (e *failed) Error() string {
	lines := strings.Split(strings.TrimSpace(e.stderr), "\n")
	line := lines[len(lines)-1]
	for _, l := range lines {
		if strings.Contains(l, "error") {
			line = l
			break
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %v: %s", filepath.Base(e.name), e.err, strings.TrimSpace(line)))
}

// compiler returns the command of a compiler: what variable says, or the first of
// names that is there.
func (f *Finder) compiler(variable string, names ...string) (string, error) {
	if name := f.Getenv(variable); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", variable, name, err)
		}
		return path, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &Missing{"no compiler: none of " + strings.Join(names, ", ") + " is on the PATH", installCompiler}
}

func (f *Finder) c() (string, error)   { return f.compiler("CC", "cc", "gcc", "clang") }
func (f *Finder) cxx() (string, error) { return f.compiler("CXX", "c++", "g++", "clang++") }

// A place is where a library may be.
type place struct {
	include, lib string   // folders; "" leaves it to the compiler
	link         []string // what to link with; names of libraries are looked for in lib
	flags        []string
}

// build compiles a driver against the first of the places that has what it
// includes, unless that has been done before, and returns its path. The last place's
// reason is the error if none has header.
func (f *Finder) build(compiler, source, header string, flags []string, places ...place) (string, error) {
	source = filepath.Join(f.Dir, "peers", filepath.FromSlash(source))
	if _, err := os.Stat(source); err != nil {
		return "", err
	}
	var reason error
	for _, p := range places {
		args := append([]string(nil), flags...)
		args = append(args, p.flags...)
		if p.include != "" {
			// Where a folder is named, a library elsewhere is not what is meant.
			if _, err := os.Stat(filepath.Join(p.include, filepath.FromSlash(header))); err != nil {
				if reason == nil {
					reason = &Missing{What: fmt.Sprintf("no %s in %s", header, p.include)}
				}
				continue
			}
			args = append(args, "-I"+p.include)
		}
		// What the preprocessor makes of the source changes with every header.
		text, err := output(f.Dir, nil, compiler, append(append([]string(nil), args...), "-E", source)...)
		if err != nil {
			if noHeader(err, header) {
				err = &Missing{What: fmt.Sprintf("no %s found by %s", header, filepath.Base(compiler))}
			}
			reason = err
			continue
		}
		args = append(args, source, "-o")
		link := f.linkArgs(p)
		sum := sha256.Sum256(fmt.Append(nil, compiler, "\x00", strings.Join(args, "\x00"), "\x00", strings.Join(link, "\x00"), "\x00", text))
		name := filepath.Join(f.Cache, strings.ReplaceAll(strings.TrimSuffix(filepath.ToSlash(source[len(filepath.Join(f.Dir, "peers"))+1:]), filepath.Ext(source)), "/", "-")+"-"+hex.EncodeToString(sum[:8]))
		if _, err := os.Stat(name); err == nil {
			return name, nil
		}
		if err := os.MkdirAll(f.Cache, 0o755); err != nil {
			return "", err
		}
		// Two programs may build the same at the same time: the name appears at once.
		half := fmt.Sprintf("%s.%d", name, os.Getpid())
		if _, err := output(f.Dir, nil, compiler, append(append(args, half), link...)...); err != nil {
			os.Remove(half)
			return "", err
		}
		return name, os.Rename(half, name)
	}
	return "", reason
}

func noHeader(err error, header string) bool {
	var e *failed
	return errors.As(err, &e) && strings.Contains(e.stderr, header) && !strings.Contains(e.stderr, "#error")
}

func (f *Finder) linkArgs(p place) []string {
	var args []string
	for _, name := range p.link {
		if p.lib == "" {
			args = append(args, "-l"+name)
			continue
		}
		// Packages for Python have the library under its full name alone.
		files, _ := filepath.Glob(filepath.Join(p.lib, "lib"+name+".so*"))
		if len(files) == 0 {
			files, _ = filepath.Glob(filepath.Join(p.lib, "lib"+name+".dylib"))
		}
		if len(files) == 0 {
			files = []string{"-l" + name}
		}
		args = append(args, files[0])
	}
	if p.lib != "" {
		args = append(args, "-L"+p.lib, "-Wl,-rpath,"+p.lib)
	}
	return args
}

// places returns where a library may be: where variable says, and nowhere else if
// it is set; else below the prefix of Python, and where the compiler looks.
func (f *Finder) places(variable string, link ...string) []place {
	below := func(root string) place {
		lib := filepath.Join(root, "lib")
		for _, sub := range []string{"lib64", "lib/intel64", "lib"} {
			if files, _ := filepath.Glob(filepath.Join(root, sub, "lib"+link[0]+".*")); len(files) > 0 {
				lib = filepath.Join(root, sub)
				break
			}
		}
		return place{include: filepath.Join(root, "include"), lib: lib, link: link}
	}
	if root := f.Getenv(variable); root != "" {
		return []place{below(root)}
	}
	var list []place
	if prefix := f.pythonPrefix(); prefix != "" {
		// Only if the library is there: the prefix may be that of the system.
		if p := below(prefix); hasLibrary(p.lib, link[0]) && prefix != "/usr" {
			list = append(list, p)
		}
	}
	return append(list, place{link: link})
}

func hasLibrary(dir, name string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "lib"+name+".*"))
	return len(files) > 0
}

func (f *Finder) pythonPrefix() string {
	if f.prefix == nil {
		text, err := output("", nil, f.Python, "-c", "import sys; print(sys.prefix)")
		if err != nil {
			text = ""
		}
		text = strings.TrimSpace(text)
		f.prefix = &text
	}
	return *f.prefix
}

func oneDNN(f *Finder) (process.Command, error) {
	cxx, err := f.cxx()
	if err != nil {
		return process.Command{}, err
	}
	path, err := f.build(cxx, "onednn/driver.cpp", "oneapi/dnnl/dnnl.hpp", []string{"-std=c++17", "-O2"}, f.places("DNNLROOT", "dnnl")...)
	return process.Command{Path: path}, err
}

func mkl(f *Finder) (process.Command, error) {
	return f.blas("mkl.h", []string{"-O2", "-DMKL"}, f.places("MKLROOT", "mkl_rt"))
}

func openBLAS(f *Finder) (process.Command, error) {
	places := f.places("OPENBLASROOT", "openblas")
	if f.Getenv("OPENBLASROOT") == "" {
		// The package scipy-openblas32 tells where it is.
		text, err := output("", nil, f.Python, "-c", "import scipy_openblas32 as o; print(o.get_include_dir()); print(o.get_lib_dir()); print(o.get_library())")
		if lines := strings.Split(strings.TrimSpace(text), "\n"); err == nil && len(lines) == 3 {
			p := place{include: lines[0], lib: lines[1], link: []string{lines[2]}, flags: []string{"-DPREFIX=scipy_"}}
			places = append([]place{p}, places...)
		}
	}
	return f.blas("cblas.h", []string{"-O2"}, places)
}

func (f *Finder) blas(header string, flags []string, places []place) (process.Command, error) {
	cc, err := f.c()
	if err != nil {
		return process.Command{}, err
	}
	path, err := f.build(cc, "blas/driver.c", header, flags, places...)
	return process.Command{Path: path}, err
}

func libxsmm(f *Finder) (process.Command, error) {
	cc, err := f.c()
	if err != nil {
		return process.Command{}, err
	}
	path, err := f.build(cc, "libxsmm/driver.c", "libxsmm.h", []string{"-O2", "-fopenmp"}, f.places("LIBXSMMROOT", "xsmm", "xsmmnoblas", "m", "dl", "pthread")...)
	return process.Command{Path: path}, err
}

// pythonDriver returns the driver of that folder, if Python has the packages.
func (f *Finder) pythonDriver(name string, packages ...string) (process.Command, error) {
	python, err := exec.LookPath(f.Python)
	if err != nil {
		return process.Command{}, &Missing{fmt.Sprintf("no %s on the PATH", f.Python), installPython}
	}
	find := "import importlib.util, sys; print(*[p for p in sys.argv[1:] if importlib.util.find_spec(p) is None])"
	text, err := output("", nil, python, append([]string{"-c", find}, packages...)...)
	if err != nil {
		return process.Command{}, err
	}
	if missing := strings.TrimSpace(text); missing != "" {
		return process.Command{}, &Missing{What: fmt.Sprintf("%s has no package %s", f.Python, missing)}
	}
	return process.Command{Path: python, Args: []string{filepath.Join(f.Dir, "peers", name, "driver.py")}}, nil
}

// goDriver builds the driver that is a module of its own.
func (f *Finder) goDriver(name string) (process.Command, error) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return process.Command{}, &Missing{"no go command on the PATH", "put Go's folder bin on the PATH"}
	}
	path := filepath.Join(f.Cache, name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return process.Command{}, err
	}
	env := append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if _, err := output(filepath.Join(f.Dir, "peers", name), env, goCommand, "build", "-o", path, "."); err != nil {
		var e *failed
		if errors.As(err, &e) && (strings.Contains(e.stderr, "dial tcp") || strings.Contains(e.stderr, "module lookup disabled")) {
			return process.Command{}, &Missing{What: "its module could not be downloaded (" + err.Error() + ")"}
		}
		return process.Command{}, err
	}
	return process.Command{Path: path}, nil
}
