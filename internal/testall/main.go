// Testall runs every test of the repository: of the root module and of each
// nested one, which `go test ./...` does not enter.
//
//	go run ./internal/testall
//
// It needs the go command and nothing else. Failures are printed as they happen.
// At the end stand what was skipped, a table of the packages and the tiers of
// kernels that their tests ran on, or why not, the variants of layers with theirs,
// and a line "N passed, N failed, N skipped". The exit status is not 0 when a test
// or a build failed or when no test ran.
//
// The fingerprint tests, which hash what a training run leaves behind, run twice
// more: compiled with GOAMD64=v3, where the Go compiler fuses multiplications
// with additions, and for wasm where node is on the PATH.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	short := flag.Bool("short", false, "give -short to the tests")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/testall [-short]   (from the root of the repository)")
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	root, err := findRoot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testall:", err)
		os.Exit(2)
	}
	os.Exit(run(root, *short, os.Stdout))
}

// findRoot returns the folder of the root module, in which or below which the
// command was started.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte("module "+rootModule+"\n")) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod of %s here or above", rootModule)
		}
		dir = up
	}
}

const rootModule = "github.com/simdrnn/simdrnn"

// run tests everything below root and returns the exit status.
func run(root string, short bool, w io.Writer) int {
	modules, err := findModules(os.DirFS(root))
	if err != nil {
		fmt.Fprintln(w, "testall:", err)
		return 2
	}
	all := newResults(w)
	for _, dir := range modules {
		args := []string{"./..."}
		if short {
			args = append([]string{"-short"}, args...)
		}
		all.goTest(filepath.Join(root, dir), "", environment(), args...)
	}
	fingerprints(all, root)
	return all.finish()
}

// findModules returns the folders that hold a go.mod, the root as ".", first.
func findModules(tree fs.FS) ([]string, error) {
	var dirs []string
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case !d.IsDir() && name == "go.mod":
			dirs = append(dirs, path.Dir(p))
		}
		return nil
	})
	slices.Sort(dirs) // "." sorts before all names
	return dirs, err
}

// environment is this process', with each module standing for itself and not for
// a workspace that a developer may have around it.
func environment(extra ...string) []string {
	return append(append(os.Environ(), "GOWORK=off"), extra...)
}

// goTest runs go test -json in dir with the given arguments and takes in its
// events. variant names the build where it is not the usual one. It returns what
// the command printed besides events.
func (r *results) goTest(dir, variant string, env []string, args ...string) {
	args = append([]string{"test", "-json", "-count=1"}, args...)
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.trouble(dir, variant, err.Error())
		return
	}
	before := r.failed
	readErr := r.read(out, variant)
	err = cmd.Wait()
	if s := strings.TrimSpace(stderr.String()); s != "" && err != nil {
		fmt.Fprintln(r.w, s)
	}
	switch {
	case readErr != nil:
		r.trouble(dir, variant, readErr.Error())
	case err != nil && r.failed == before:
		r.trouble(dir, variant, "go "+strings.Join(args, " ")+": "+err.Error())
	}
}

// fingerprints runs the fingerprint tests in the other builds.
func fingerprints(r *results, root string) {
	pkgs, err := findTests(os.DirFS(root), "func TestFingerprint")
	if err != nil {
		r.trouble(root, "", err.Error())
		return
	}
	v3, wasm := "GOAMD64=v3", "GOARCH=wasm"
	if len(pkgs) == 0 {
		r.note(v3, "no package has a TestFingerprint")
		r.note(wasm, "no package has a TestFingerprint")
		return
	}
	args := append([]string{"-run=^TestFingerprint"}, pkgs...)

	if runtime.GOARCH != "amd64" {
		r.note(v3, "this CPU is "+runtime.GOARCH)
	} else if why := cannotRun(v3, root); why != "" {
		r.note(v3, why)
	} else {
		r.goTest(root, v3, environment(v3), args...)
	}

	wrapper, why := wasmWrapper()
	if why != "" {
		r.note(wasm, why)
		return
	}
	r.goTest(root, wasm, wasmEnvironment(), append([]string{"-exec=" + wrapper}, args...)...)
}

// cannotRun says why a program built with GOAMD64=v3 does not start here, by
// starting this one; empty means that it does.
func cannotRun(setting, root string) string {
	dir, err := os.MkdirTemp("", "testall")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(dir)
	exe := filepath.Join(dir, "probe.exe")
	build := exec.Command("go", "build", "-o", exe, "./internal/testall")
	build.Dir, build.Env = root, environment(setting)
	if out, err := build.CombinedOutput(); err != nil {
		return "building a probe: " + strings.TrimSpace(string(out))
	}
	if out, err := exec.Command(exe, "-h").CombinedOutput(); bytes.Contains(out, []byte("can only be run on")) {
		return strings.TrimSpace(string(out))
	} else if err != nil && !bytes.Contains(out, []byte("usage:")) {
		return "starting a probe: " + err.Error()
	}
	return ""
}

// wasmWrapper returns the program that runs a wasm binary under node.
func wasmWrapper() (file, why string) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", "no node on the PATH"
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", "go env GOROOT: " + err.Error()
	}
	file = filepath.Join(strings.TrimSpace(string(out)), "lib", "wasm", "go_js_wasm_exec")
	if _, err := os.Stat(file); err != nil {
		return "", "the Go installation lacks lib/wasm/go_js_wasm_exec"
	}
	if runtime.GOOS == "windows" {
		return "", "go_js_wasm_exec is a shell script"
	}
	return file, ""
}

// wasmEnvironment keeps what the go command needs: a wasm program is given its
// environment in a few kilobytes and does not start when there is more.
func wasmEnvironment() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name == "PATH" || name == "HOME" || name == "TMPDIR" || name == "XDG_CACHE_HOME" || strings.HasPrefix(name, "GO") {
			env = append(env, kv)
		}
	}
	return append(env, "GOWORK=off", "GOOS=js", "GOARCH=wasm")
}

// findTests returns the packages of the root module, as ./path, whose tests
// contain text.
func findTests(tree fs.FS, text string) ([]string, error) {
	var pkgs []string
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := fs.Stat(tree, path.Join(p, "go.mod"))
			if p != "." && (nested == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if dir := "./" + path.Dir(p); strings.HasSuffix(p, "_test.go") && !slices.Contains(pkgs, dir) && dir != "./internal/testall" {
			src, err := fs.ReadFile(tree, p)
			if err != nil {
				return err
			}
			if bytes.Contains(src, []byte(text)) {
				pkgs = append(pkgs, dir)
			}
		}
		return nil
	})
	return pkgs, err
}

// started is when the program was.
var started = time.Now()
