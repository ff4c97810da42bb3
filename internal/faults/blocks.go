package main

var (
	inBlocks     = []string{"./nn Blocks"}
	inRows       = []string{"./bptt ReadoutRows"}
	inLossBlocks = []string{"./loss Blocks"}
)

// blockFaults are about readouts and losses over blocks of steps.
var blockFaults = []fault{
	{"blocks: cut inside a chunk", "nn/blocks.go",
		"		k.steps -= k.steps % chunk\n", "", inBlocks},
	{"blocks: from the first to the last", "nn/blocks.go",
		"		first := max(0, end-k.steps)\n		if err := f(first, end-first)", "		first := max(0, end-k.steps)\n		if err := f(k.t-end, end-first)", inBlocks},
	{"blocks: weights of the update before", "nn/blocks.go",
		"	k.readout.packWeights()\n", "	if k.m.passes == 1 {\n		k.readout.packWeights()\n	}\n", inRows},
	{"blocks: lengths of the whole", "nn/blocks.go",
		"min(max(0, length-first), n)", "min(length, n)", inBlocks},
	{"blocks: the weights for dx are packed once", "nn/blocks.go",
		"m.passes, t, 0, t, false", "m.passes, t, 0, t, k.packed", inRows},
	{"blocks: an old forward pass goes on", "nn/blocks.go",
		"if k.pass == 0 || k.pass != k.m.passes {", "if k.pass == 0 {", inBlocks},
	{"blocks: what is behind the readout does not go back", "nn/blocks.go",
		"		links[i].net.Backward(d, dy)\n", "		copy(d, dy)\n", inRows},
	{"blocks: a dropout is run behind the readout", "nn/blocks.go",
		"		case *activation:\n", "		case *activation, *dropout:\n", inRows},
	{"blocks: the room of a model stays cut", "nn/blocks.go",
		"	if len(*v) < n {\n", "	if cap(*v) < n {\n		return *v\n	}\n	if len(*v) < n {\n", inRows},
	{"blocks: adapters have no gradients", "finetune/adapted.go",
		"	k.ReadoutBlocks.Backward()\n	k.a.adapterGradients()\n", "	k.ReadoutBlocks.Backward()\n", []string{"./finetune ReadoutRows"}},
	{"blocks: adapters stay as they were", "finetune/adapted.go",
		"	k.a.Apply()\n	return k.ReadoutBlocks", "	return k.ReadoutBlocks", []string{"./finetune ReadoutRows"}},
	{"blocks: an encoder has no gradients", "seq2seq/blocks.go",
		"	k.n.encoderBackward()\n", "", []string{"./seq2seq ReadoutRows"}},
	{"blocks: predictions of other steps are fed", "seq2seq/blocks.go",
		"k.n.sampler.predict(y, first)", "k.n.sampler.predict(y, 0*first)", []string{"./seq2seq ReadoutRows"}},
	{"blocks: all outputs in memory", "bptt/train.go",
		"		steps = t.blocks.net.Steps()\n", "", inRows},
	{"blocks: a flushed copy for each worker", "nn/linear.go",
		"outs, room = min(s.out, wideOuts), 0\n", "outs = min(s.out, wideOuts)\n", inRows},
	{"blocks: an evaluation holds all outputs", "bptt/evaluate.go",
		"		atOnce = parts.net.Steps()\n", "", inRows},
	{"blocks: a mean over each block", "loss/blocks.go",
		"		k.by = t.Weight\n", "", inLossBlocks},
	{"blocks: losses are added as the blocks come", "loss/blocks.go",
		"	copy(k.sums[first*k.b.Rows:][:n*k.b.Rows], s.parts)", "	copy(k.sums[(k.b.Steps-first-n)*k.b.Rows:][:n*k.b.Rows], s.parts)", inLossBlocks},
	{"blocks: losses of an earlier block where nothing counts", "loss/blocks.go",
		"	clear(grown(&s.parts, n*k.b.Rows))", "	grown(&s.parts, n*k.b.Rows)", inLossBlocks},
	{"blocks: sums over several steps", "loss/blocks.go",
		"if blockElements/width > 1 {", "if width < 2 {", inLossBlocks},
	{"blocks: the context of the whole", "data/part.go",
		"min(max(0, b.Context-first), steps)", "min(b.Context, steps)", []string{"./data Part"}},
}
