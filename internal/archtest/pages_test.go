package archtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What the pages of tasks name, small enough for a test.
var tasks = map[string]string{
	"language-model": `text := []byte(strings.Repeat("the cat sat on the mat and saw a rat .\n", 120))`,
	"sequence-labelling": `const vocabulary, classes, most = 10, 3, 12
		var words, tags [][]int32
		for range 200 {
			var w, t []int32
			for range 3 + r.IntN(most-2) {
				id := r.Int32N(vocabulary)
				w, t = append(w, id), append(t, id%classes)
			}
			words, tags = append(words, w), append(tags, t)
		}`,
	"sequence-classification": `const vocabulary, classes, most = 10, 3, 12
		var words [][]int32
		var labels []int32
		for range 200 {
			label := r.Int32N(classes)
			words, labels = append(words, slices.Repeat([]int32{label, 4 + r.Int32N(6)}, 1+r.IntN(most/2))), append(labels, label)
		}`,
	"multi-label-steps": `var pieces [][]float32
		for i := range 20 {
			piece := make([]float32, 88*(3+i%5))
			for n := i % 7; n < len(piece); n += 7 {
				piece[n] = 1
			}
			pieces = append(pieces, piece)
		}`,
	"sequence-to-sequence": `const vocabulary, begin, end = 12, 10, 11
		var pairs []data.Pair
		for range 100 {
			var p data.Pair
			for range 2 + r.IntN(4) {
				p.IDs = append(p.IDs, r.Int32N(10))
			}
			p.Target = slices.Clone(p.IDs)
			slices.Reverse(p.Target)
			pairs = append(pairs, p)
		}
		sentence := pairs[0].IDs`,
	"forecasting": `const width = 2
		series := make([]float32, 800*width)
		for i := range series {
			series[i] = float32(i%(24*width)) + 0.1*r.Float32()
		}`,
	"fine-tuning": `trained, net, source := overTokens(r, 20), overTokens(r, 10), tokens(r)`,
	"decoding": `const end, width, classes = 9, 2, 3
		net, prompt, series := overTokens(r, 20), []int32{1, 2}, make([]float32, 10*width)
		layer, _ := lstm.New(lstm.Config{Input: width, Hidden: 4}, r)
		readout, _ := nn.NewLinear(4, classes, r)
		trained, _ := nn.Chain(layer.Unroll(1, 1), readout)`,
}

// helpers make the nets and the data of several pages.
const helpers = `
func overTokens(r *rand.Rand, symbols int) *nn.Model {
	emb, _ := nn.NewEmbedding(20, 8, r)
	layer, _ := gru.New(gru.Config{Input: 8, Hidden: 16}, r)
	out, _ := nn.NewLinear(16, symbols, r)
	net, err := nn.Chain(emb, layer.Unroll(64, 4), out)
	if err != nil {
		log.Fatal(err)
	}
	return net
}

func tokens(r *rand.Rand) data.Source {
	ids := make([]int32, 600)
	for i := range ids {
		ids[i] = r.Int32N(10)
	}
	source, err := data.NewTokens(ids, 4)
	if err != nil {
		log.Fatal(err)
	}
	return source
}
`

// imported are the lines of a file that import what its code names.
func imported(code string) (lines string) {
	for _, name := range imports {
		if base := path.Base(strings.TrimSuffix(name, "/v2")); regexp.MustCompile(`\b` + base + `\.`).MatchString(code) {
			lines += "import " + strconv.Quote(name) + "\n"
		}
	}
	return lines
}

// The pieces of Go of each page of a task are parts of one function, and it runs to its end: over
// what the page names, in a program that the go command makes of them.
func TestPagesOfTasksRun(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pages, err := filepath.Glob(filepath.Join(root, "docs", "training", "*.md"))
	if err != nil || len(pages) != len(tasks) {
		t.Fatalf("%d pages in docs/training for %d tasks, %v", len(pages), len(tasks), err)
	}
	calls, files := "", []string{}
	write := func(name, code string) {
		files = append(files, filepath.Join(dir, name+".go"))
		if err := os.WriteFile(files[len(files)-1], []byte("package main\n"+imported(code)+code), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for i, file := range pages {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		setup, ok := tasks[name]
		if !ok {
			t.Fatalf("nothing is known of what docs/training/%s.md names", name)
		}
		body, line := "", 1
		for n, part := range strings.Split(string(text), "```") {
			if code, ok := strings.CutPrefix(part, "go\n"); ok && n%2 == 1 {
				body += fmt.Sprintf("//line docs/training/%s.md:%d\n%s", name, line+1, code)
			}
			line += strings.Count(part, "\n")
		}
		if body == "" {
			t.Fatalf("no Go in docs/training/%s.md", name)
		}
		write(fmt.Sprintf("page%d", i), fmt.Sprintf("func page%d(ctx context.Context, r *rand.Rand) (err error) {\n%s\n{\n%s}\nreturn nil\n}\n", i, setup, body))
		calls += fmt.Sprintf("if err := page%d(context.Background(), rand.New(rand.NewPCG(1, 2))); err != nil { log.Fatalf(%q, err) }\n", i, name+": %v")
	}
	write("main", "func main() {\n"+calls+"}\n"+helpers)
	program := filepath.Join(dir, "pages.exe")
	for _, c := range []*exec.Cmd{exec.Command("go", append([]string{"build", "-o", program}, files...)...), exec.Command(program)} {
		c.Dir = root // whose packages the files import
		if c.Path == program {
			c.Dir = dir // where they write
		}
		c.Env = append(os.Environ(), "GOWORK=off")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(c.Path), err, out.String())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "adapters.safetensors")); err != nil {
		t.Error("the pages have run, and have not written their file: ", err)
	}
}
