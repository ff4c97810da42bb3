package main

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest/pages"
)

// named is what stands in command lines for a name of the reader's.
var named = strings.NewReplacer("FILE", "model.onnx", "IN", "model.onnx", "OUT", "out.safetensors", "COMMAND", "inspect", "NAME", "1")

// The command lines of this program in all pages do what they say: those of docs/interchange
// with the files that the Python of the page wrote, the others with such files. What a command
// writes is not there before.
func TestCommandsOfPages(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(root, "convert", "peer", "testdata")
	weights := filepath.Join(written, "from-pytorch", "model.safetensors")
	chain := []string{"convert", "-chain", "embed,rnn,head", weights}
	ran := map[string]int{}
	for _, c := range pages.Commands(t, root) {
		if c.Words[0] != "simdrnn" {
			continue
		}
		t.Run(c.Page, func(t *testing.T) {
			dir, page := t.TempDir(), strings.TrimSuffix(path.Base(c.Page), ".md")
			files, _ := filepath.Glob(filepath.Join(written, page, "*"))
			switch {
			case page == "to-onnx-runtime": // what convert/chain writes
				simdrnn(t, done, append(chain, filepath.Join(dir, "model.safetensors"))...)
			case len(files) == 0:
				simdrnn(t, done, append(chain, filepath.Join(dir, "model.onnx"))...)
				files = []string{weights}
			}
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), b, 0o666)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			var args []string
			var out string
			for _, w := range c.Words[1:] {
				w = named.Replace(w)
				args = append(args, w)
				if args[0] == "convert" && path.Ext(w) != "" {
					out = w // the last file
				}
			}
			switch {
			case out != "":
				_ = os.Remove(out)
			case args[0] == "bench": // shorter than by default
				args = append(args, "-rounds", "3", "-steps", "8")
			case args[0] == "verify":
				args = append(args, "-short")
			}
			if said := simdrnn(t, done, args...); said == "" {
				t.Errorf("%s: nothing is said", c.Text)
			}
			if out != "" {
				if _, err := os.Stat(out); err != nil {
					t.Errorf("%s: %v", c.Text, err)
				}
			}
			ran[args[0]]++
		})
	}
	for _, c := range commands() {
		if ran[c.name] == 0 {
			t.Errorf("no page has a command line of %s that runs", c.name)
		}
	}
}
