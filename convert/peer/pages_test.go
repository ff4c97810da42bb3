package peer

import (
	"bytes"
	"flag"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	repository "github.com/simdrnn/simdrnn/internal/numtest/pages"
)

var update = flag.Bool("update", false, "write the files in testdata again; needs the Python")

// pages are those of docs/interchange, with the function of their Go pieces, the files that
// their Python pieces write for it, the one that it writes for them, and what these then say.
var pages = []struct {
	name     string
	run      func() error
	packages []string
	files    []string
	back     string
	says     string
}{
	{"from-pytorch", fromPyTorch, []string{"torch", "safetensors"}, []string{"model.safetensors", "check.safetensors"}, "back.safetensors", "the same weights came back\n"},
	{"from-keras", fromKeras, []string{"keras", "torch", "safetensors", "numpy"}, []string{"model.safetensors", "check.safetensors"}, "back.safetensors", "the same weights came back\n"},
	{"from-onnx", fromONNX, []string{"torch", "onnx", "safetensors", "numpy"}, []string{"model.onnx", "check.safetensors", "translator.onnx", "translator.safetensors"}, "", ""},
	{"to-onnx-runtime", toONNXRuntime, []string{"onnxruntime", "safetensors", "numpy"}, nil, "model.onnx", "ONNX Runtime gives the same\n"},
}

// pieces are those of a page in a language.
func pieces(t *testing.T, page, language string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "interchange", page+".md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

// The Go pieces of each page are those that this package compiles and runs.
func TestPagesAreWhatRuns(t *testing.T) {
	source, err := os.ReadFile("pieces_test.go")
	if err != nil {
		t.Fatal(err)
	}
	dedented := regexp.MustCompile(`(?m)^\t`).ReplaceAllString(string(source), "")
	functions := strings.Split(dedented, "\nfunc ")[1:]
	if len(functions) != len(pages) {
		t.Fatalf("%d functions for %d pages", len(functions), len(pages))
	}
	for i, page := range pages {
		_, body, _ := strings.Cut(functions[i], "{\n")
		want := strings.Join(pieces(t, page.name, "go"), "\n") + "return nil\n}\n"
		if got := strings.TrimSuffix(body, "\n") + "\n"; got != want {
			t.Errorf("the Go pieces of %s.md are not those of pieces_test.go:\n%s\nwant\n%s", page.name, got, want)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "interchange", "*.md"))
	if err != nil || len(files) != len(pages) {
		t.Errorf("%d pages in the folder, %d are tested", len(files), len(pages))
	}
}

// The Go pieces run on the files that the Python pieces wrote when they were committed.
func TestPagesInGo(t *testing.T) {
	for _, page := range pages {
		t.Run(page.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range page.files {
				copyFile(t, filepath.Join(dir, file), filepath.Join("testdata", page.name, file))
			}
			runIn(t, dir, page.back, page.run)
		})
	}
}

// The Python pieces run, the Go pieces run on what they wrote, and the Python pieces again
// with what these wrote.
func TestPagesInPython(t *testing.T) {
	for _, page := range pages {
		t.Run(page.name, func(t *testing.T) {
			py := find(t, page.packages...)
			dir := t.TempDir()
			text := strings.Join(pieces(t, page.name, "python"), "\n")
			if err := os.WriteFile(filepath.Join(dir, "page.py"), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			py.Run(t, dir, "page.py")
			if *update {
				for _, file := range page.files {
					copyFile(t, filepath.Join("testdata", page.name, file), filepath.Join(dir, file))
				}
			}
			runIn(t, dir, page.back, page.run)
			if page.back == "" {
				return
			}
			if out := py.Run(t, dir, "page.py"); !strings.HasSuffix(out, page.says) {
				t.Errorf("the script printed %q, want %q", out, page.says)
			}
		})
	}
}

// Each page says what pip has to install for its Python pieces.
func TestPagesNamePackages(t *testing.T) {
	all := repository.Commands(t, filepath.Join("..", ".."))
	for _, page := range pages {
		for _, want := range page.packages {
			if !slices.ContainsFunc(all, func(c repository.Command) bool {
				return c.Page == "docs/interchange/"+page.name+".md" && c.Words[0] == "pip" && slices.Contains(c.Words[2:], want)
			}) {
				t.Errorf("%s.md has no pip install %s", page.name, want)
			}
		}
	}
}

// The script of from-keras.md does as a command what its function does.
func TestCommandOfKeras(t *testing.T) {
	py := find(t, "keras", backend(), "safetensors", "numpy")
	all := repository.Commands(t, filepath.Join("..", ".."))
	at := slices.IndexFunc(all, func(c repository.Command) bool { return len(c.Words) > 1 && c.Words[1] == "keras_safetensors.py" })
	if at < 0 {
		t.Fatal("no page has the command")
	}
	dir := t.TempDir()
	copyFile(t, filepath.Join(dir, "keras_safetensors.py"), filepath.Join("..", "keras_safetensors.py"))
	model, _, _ := strings.Cut(strings.Join(pieces(t, "from-keras", "python"), "\n"), "\nx = ")
	if err := os.WriteFile(filepath.Join(dir, "page.py"), []byte(model+"\nmodel.save('model.keras')\nos = __import__('os')\nos.rename('model.safetensors', 'want.safetensors')\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	py.Run(t, dir, "page.py")
	py.Run(t, dir, all[at].Words[1:]...)
	var files [2][]byte
	for i, name := range []string{"want.safetensors", "model.safetensors"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Errorf("%s wrote another file than the function", all[at].Text)
	}
}

// runIn runs the Go pieces of a page in a folder, without what they log.
func runIn(t *testing.T, dir, writes string, run func() error) {
	t.Helper()
	ok := t.Run("Go", func(t *testing.T) { // the folder is that of before after it
		log.SetOutput(io.Discard)
		defer log.SetOutput(os.Stderr)
		t.Chdir(dir)
		if err := run(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(writes); writes != "" && err != nil {
			t.Fatal(err)
		}
	})
	if !ok {
		t.FailNow()
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o777)
	}
	if err == nil {
		err = os.WriteFile(to, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
