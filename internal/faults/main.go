// Command faults shows that the tests see. It copies the repository to a
// temporary folder, plants one fault after the other there (a multiply-add left
// out, a mask too wide, a += that became an =), generates the assembly anew where
// a fault is in the generator, and runs the tests that are to notice. A fault
// that every test passes is an error, and so is one whose place in the source is
// not found any more.
//
//	go run ./internal/faults              all, a few minutes
//	go run ./internal/faults -run tile    those whose name matches
//	go run ./internal/faults -list        what there is
//
// Each fault has a line on standard error as soon as its tests have run. The table
// that follows on standard output is Markdown.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	root := flag.String("root", ".", "the root of the repository")
	pattern := flag.String("run", "", "plant only faults whose name matches this expression")
	list := flag.Bool("list", false, "list the faults and stop")
	flag.Parse()
	// The folder with the copy is removed after Ctrl-C too, which ends the tests at
	// work as well: they get it from the terminal.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *pattern, *list); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, pattern string, list bool) error {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if list {
		for _, f := range faults {
			fmt.Printf("%-60s %s\n", f.Name, f.File)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "simdrnn-faults-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyTree(dir, root); err != nil {
		return err
	}
	var planted []fault
	var packages []string
	for _, f := range faults {
		if match.MatchString(f.Name) {
			planted = append(planted, f)
			packages = append(packages, f.Tests...)
		}
	}
	slices.Sort(packages)
	packages = slices.Compact(packages)
	fmt.Fprintln(os.Stderr, "without a fault:", strings.Join(packages, " "))
	failed, output := test(dir, packages)
	if ctx.Err() != nil {
		return errors.New("interrupted before a fault was planted")
	}
	if failed != nil {
		return fmt.Errorf("the tests fail before any fault is planted: %v\n%s", failed, output)
	}
	table := &bytes.Buffer{}
	fmt.Fprintf(table, "| fault | file | noticed by | seconds |\n|---|---|---|---:|\n")
	missed := 0
	for i, f := range planted {
		fmt.Fprintf(os.Stderr, "[%d of %d] %s: ", i+1, len(planted), f.Name)
		began := time.Now()
		by, err := f.plant(dir)
		if ctx.Err() != nil {
			fmt.Print(table)
			return fmt.Errorf("interrupted, %d of %d faults were planted", i, len(planted))
		}
		switch {
		case err != nil:
			missed++
			fmt.Fprintln(os.Stderr, err)
			by = "**could not be planted**"
		case by == "":
			missed++
			by = "**nothing**"
		}
		fmt.Fprintf(os.Stderr, "%s, %.0f s\n", by, time.Since(began).Seconds())
		fmt.Fprintf(table, "| %s | %s | %s | %.0f |\n", f.Name, f.File, by, time.Since(began).Seconds())
	}
	fmt.Print(table)
	if missed > 0 {
		return fmt.Errorf("%d of %d faults not noticed", missed, len(planted))
	}
	return nil
}

// plant applies f to the copy in dir, runs its tests, and takes it out again. It
// returns what noticed it, or nothing.
func (f fault) plant(dir string) (by string, err error) {
	path := filepath.Join(dir, f.File)
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	changed, err := f.apply(string(source))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(changed), 0o666); err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, os.WriteFile(path, source, 0o666))
		if f.generated() {
			err = errors.Join(err, generate(dir))
		}
	}()
	if f.generated() {
		if err := generate(dir); err != nil {
			return "", fmt.Errorf("the generator refuses it, so it shows nothing about the tests: %w", err)
		}
	}
	for _, r := range runs(dir, f.Tests) {
		if output, err := r.test("-run=^$"); err != nil {
			return "", fmt.Errorf("it does not compile, so it shows nothing about the tests:\n%s", output)
		}
	}
	var failed []string
	for _, r := range runs(dir, f.Tests) {
		names, _ := r.failures()
		if len(names) == 0 {
			return "", nil
		}
		failed = append(failed, names...)
	}
	return strings.Join(failed, ", "), nil
}

// apply returns source with the fault in it. It is an error if the text to be replaced
// does not occur exactly once.
func (f fault) apply(source string) (string, error) {
	if n := strings.Count(source, f.Old); n != 1 {
		return "", fmt.Errorf("its text occurs %d times in %s, want once: %q", n, f.File, f.Old)
	}
	return strings.Replace(source, f.Old, f.New, 1), nil
}

// generated reports whether assembly follows from the file.
func (f fault) generated() bool { return strings.HasPrefix(f.File, "asm/") }

func generate(dir string) error {
	output, err := command(filepath.Join(dir, "asm"), nil, "go", "run", ".", "-root", "..")
	if err != nil {
		return fmt.Errorf("generating: %w\n%s", err, output)
	}
	return nil
}

// A testRun is one call of go test.
type testRun struct {
	dir       string
	env, args []string
	packages  []string
}

// runs says how packages are tested. One that begins with "arm64:" is tested under an
// emulator, and one with "mpi:" belongs to dist/mpi and is built with Open MPI; one that
// begins with something else and a colon, like "examples:" or "convert/peer:", belongs to
// that nested module. What follows a space are the tests, as
// -run takes them; without it all are run.
func runs(dir string, packages []string) (list []testRun) {
	for _, pkg := range packages {
		r := testRun{dir: dir}
		pkg, only, _ := strings.Cut(pkg, " ")
		if only != "" {
			r.args = []string{"-run=" + only}
		}
		where, name, prefixed := strings.Cut(pkg, ":")
		switch {
		case !prefixed:
			name = pkg
		case where == "mpi":
			r.dir = filepath.Join(dir, "dist/mpi")
			r.args = append(r.args, "-tags=mpi")
		case where != "arm64":
			r.dir = filepath.Join(dir, where)
		default:
			r.args = append(r.args, "-exec="+emulator)
			r.env = []string{"GOARCH=arm64", "CGO_ENABLED=0", "SIMDRNN_TEST_FMAS=1000000", "SIMDRNN_TEST_EXEC=" + emulator}
		}
		i := slices.IndexFunc(list, func(l testRun) bool { return l.dir == r.dir && slices.Equal(l.args, r.args) })
		if i < 0 {
			i = len(list)
			list = append(list, r)
		}
		list[i].packages = append(list[i].packages, name)
	}
	return list
}

const emulator = "qemu-aarch64-static"

func (r testRun) test(flags ...string) (string, error) {
	args := append([]string{"test", "-vet=off"}, slices.Concat(r.args, flags, r.packages)...)
	return command(r.dir, r.env, "go", args...)
}

// test runs the tests of the packages and returns the first that failed in each.
func test(dir string, packages []string) (failed []string, output string) {
	for _, r := range runs(dir, packages) {
		f, out := r.failures()
		failed = append(failed, f...)
		output += out
	}
	return failed, output
}

func (r testRun) failures() (failed []string, output string) {
	out, err := r.test("-json", "-count=1", "-failfast", "-short", "-timeout=10m")
	if err == nil {
		return nil, ""
	}
	type event struct{ Action, Package, Test, Output string }
	seen, whole := map[string]bool{}, []string{}
	var text strings.Builder
	for line := range strings.Lines(out) {
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			text.WriteString(line)
			continue
		}
		text.WriteString(e.Output)
		switch {
		case e.Action != "fail":
		case e.Test == "":
			whole = append(whole, e.Package)
		case !seen[e.Package]:
			seen[e.Package] = true
			_, pkg, _ := strings.Cut(e.Package, "simdrnn/simdrnn/")
			name, _, _ := strings.Cut(e.Test, "/")
			failed = append(failed, pkg+"."+name+r.where())
		}
	}
	for _, pkg := range whole {
		if !seen[pkg] { // a crash leaves no result of a test
			failed = append(failed, pkg+" (crash)")
		}
	}
	if len(failed) == 0 {
		failed = []string{err.Error()}
	}
	return failed, text.String()
}

// where says that a test ran somewhere else than on this machine.
func (r testRun) where() string {
	if r.env == nil {
		return ""
	}
	return " on arm64"
}

func command(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// copyTree copies the repository without its hidden folders.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && below != ".":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, below), 0o777)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), text, 0o666)
	})
}
