// Testall runs every test of the repository: of the root module and of each
// nested one, which `go test ./...` does not enter.
//
//	go run ./internal/testall                           everything
//	go run ./internal/testall -short ./lstm ./kernels   the short tests of two packages
//	go run ./internal/testall ./examples/...            a nested module
//	go run ./internal/testall -run 'Gate' ./kernels     tests whose names match
//
// It needs the go command and nothing else. Failures are printed as they happen,
// and a line for each package that has finished: its tests, its time and the tiers
// of kernels that they ran on. On a terminal a last line says what is running. At
// the end it prints what was skipped, a table of the packages with the tiers that they
// ran on, or why they did not, the same for the variants of layers, and a line "N
// passed, N failed, N skipped". The exit status is not 0 when a test or a build failed or when no test
// ran. Ctrl-C ends the tests, and the table has what was found so far.
//
// The fingerprint tests, which hash the results of a training run, run twice
// more: compiled with GOAMD64=v3, where the Go compiler fuses multiplications
// with additions, and for wasm where node is on the PATH. With -run they do not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
)

// options are what the command line says.
type options struct {
	short bool
	run   string   // names of tests, as go test takes it
	from  string   // the folder in which paths of packages start, below the root
	args  []string // packages; none: all
}

const usage = `usage: go run ./internal/testall [-short] [-run REGEXP] [PACKAGE...]

Runs the tests of all modules of the repository, or of the packages that are named:
./lstm, ./kernels/..., ./examples/charlm, ./asm/... (those of nested modules are
found there). The last line is "N passed, N failed, N skipped"; the exit status is 0
if nothing failed, 1 if something did or no test ran, 2 if the command is wrong,
130 after Ctrl-C.

`

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "run the short tests only: give -short to go test")
	flag.StringVar(&o.run, "run", "", "run only tests whose names match `REGEXP`, in the usual build")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	o.args = flag.Args()
	// The second Ctrl-C need do nothing: what the first one ends is killed soon.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(testall(ctx, o, stdout{os.Stdout}))
}

// testall is the program, started in the working folder.
func testall(ctx context.Context, o options, out console) int {
	wrong := func(err error) int {
		fmt.Fprintln(os.Stderr, "testall:", err)
		return 2
	}
	for _, arg := range o.args {
		if len(arg) > 0 && arg[0] == '-' {
			return wrong(fmt.Errorf("option %s is behind a package; put options before the packages", arg))
		}
	}
	if _, err := regexp.Compile(o.run); err != nil {
		return wrong(fmt.Errorf("-run %q is no regular expression: %w", o.run, err))
	}
	dir, err := os.Getwd()
	if err != nil {
		return wrong(err)
	}
	root, err := findRoot(dir)
	if err != nil {
		return wrong(err)
	}
	if o.from, err = filepath.Rel(root, dir); err != nil {
		return wrong(err)
	}
	o.from = filepath.ToSlash(o.from)
	status, err := run(ctx, root, o, out)
	if err != nil {
		return wrong(err)
	}
	return status
}

// run tests what the options select below root and returns the exit status.
func run(ctx context.Context, root string, o options, out console) (int, error) {
	tree := os.DirFS(root)
	modules, err := findModules(tree)
	if err != nil {
		return 0, err
	}
	chosen := everything(tree, modules)
	if len(o.args) > 0 {
		if chosen, err = choose(tree, modules, o.from, o.args); err != nil {
			return 0, err
		}
	}
	prints, err := findTests(tree, "func TestFingerprint")
	if err != nil {
		return 0, err
	}
	var flags []string
	if o.short {
		flags = append(flags, "-short")
	}
	if o.run != "" {
		flags = append(flags, "-run="+o.run)
	}

	w := newScreen(out)
	all := newResults(w)
	var runs []testRun
	var printed []string // packages with fingerprints that are among the chosen
	for _, s := range chosen {
		dir := filepath.Join(root, filepath.FromSlash(s.dir))
		runs = append(runs, testRun{dir, "", environment(), slices.Concat(flags, s.patterns), count(ctx, dir, s.patterns)})
		if s.dir == "." {
			printed = slices.DeleteFunc(slices.Clone(prints), func(pkg string) bool { return !within(pkg, s.patterns) })
		}
	}
	var why string
	switch {
	case o.run != "":
		why = "-run names the tests"
	case len(prints) == 0:
		why = "no package has a TestFingerprint"
	case len(printed) == 0:
		why = "no package that is named has a TestFingerprint"
	}
	if why != "" {
		all.note(fused, why)
		all.note(wasm, why)
	} else {
		runs = append(runs, fingerprints(ctx, all, root, printed)...)
	}

	for _, t := range runs {
		w.expect(t.packages)
	}
	w.begin()
	for _, t := range runs {
		if ctx.Err() == nil {
			all.goTest(ctx, t)
		}
	}
	w.end()
	return all.finish(ctx.Err() != nil), nil
}
