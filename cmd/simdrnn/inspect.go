package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

var inspectCommand = command{
	name: "inspect", args: "FILE", about: "what a file holds",
	text: `Prints the format of a file, its size and SHA-256, its recurrent layers, and the number of
parameters. The format comes from what is in the file, not from its name.

Behind each layer that can be loaded stands the fingerprint of its weights, which is the same for
the same weights in every format. A line that ends with a reason is a layer that cannot be
loaded. "outside" are the tensors that belong to none of the layers: an embedding, a readout. A file
that says what its stages are, an ONNX graph too, has a line with them and a fingerprint of the whole.

The exit status is 0 when the file is whole, also where layers of it cannot be loaded, else 1.
`,
	run: inspect,
}

func inspect(ctx context.Context, c *call) error {
	all := c.Bool("tensors", false, "list every tensor")
	graph := c.graphOptions()
	names, err := c.files(1)
	if err != nil {
		return err
	}
	name := names[0]
	in, is, err := openFile(name, *graph)
	if err != nil {
		return err
	}
	defer in.close()
	size, sum, err := c.hash(ctx, name)
	if err != nil {
		return err
	}
	layers, err := in.layers()
	if err != nil {
		return err
	}
	tensors, err := in.tensors()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: %s (%s), %d bytes\nsha256 %x\n", name, in.format(), is.name, size, sum)
	for _, note := range in.notes() {
		fmt.Fprintln(c.stdout, note)
	}
	elements, types := 0, map[string]int{}
	var order []string
	inside := map[string]bool{}
	for _, t := range tensors {
		elements += t.elements
		if types[t.typ]++; types[t.typ] == 1 {
			order = append(order, t.typ)
		}
	}
	fmt.Fprintf(c.stdout, "%d tensors, %d elements", len(tensors), elements)
	for _, typ := range order {
		fmt.Fprintf(c.stdout, ", %d of %s", types[typ], typ)
	}
	fmt.Fprintf(c.stdout, "\n%d recurrent layers\n", len(layers))
	for _, l := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "  %q: %s\n", l.name, l.line)
		if l.err != nil {
			continue
		}
		net, matched, _, err := in.load(l.name, rnn.Tanh)
		if err != nil {
			fmt.Fprintf(c.stdout, "    cannot be loaded: %v\n", err)
			continue
		}
		for _, name := range matched {
			inside[name] = true
		}
		parameters := 0
		net.EachParam(func(_ string, w []float32, _ ...int) { parameters += len(w) })
		fmt.Fprintf(c.stdout, "    %d parameters in %d tensors, %d bytes as float32, fingerprint %x\n", parameters, len(matched), 4*parameters, nn.Fingerprint(inferring(net, 1, 1, 1)))
	}
	if w, ok := in.(chained); ok {
		m, err := w.network(1, 1)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "the whole chain: fingerprint %x\n", nn.Fingerprint(m))
	}
	outside, rest := 0, 0
	for _, t := range tensors {
		if !inside[t.name] {
			outside++
			rest += t.elements
		}
	}
	fmt.Fprintf(c.stdout, "outside of the layers: %d tensors, %d elements\n", outside, rest)
	for _, t := range tensors {
		if *all {
			fmt.Fprintf(c.stdout, "  %-5s %s %s\n", t.typ, strings.ReplaceAll(fmt.Sprint(t.shape), " ", ","), short(t.name))
		}
	}
	return nil
}

// hash reads a whole file.
func (c *call) hash(ctx context.Context, name string) (size int64, sum []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, nil, err
	}
	p := c.progress("reading", info.Size())
	defer p.end()
	h := sha256.New()
	size, err = io.Copy(h, stream{ctx: ctx, r: f, p: p})
	return size, h.Sum(nil), err
}
