package main

var (
	inChainResets = []string{"./nn Resets"}
	inTrainResets = []string{"./bptt Resets|Separat"}
)

// chainResetFaults are about rows that begin anew inside a window of a chain, and in training.
var chainResetFaults = []fault{
	{"chain resets: the mean goes on", "nn/pool.go",
		"			clear(sum)\n", "", inChainResets},
	{"chain resets: gradients of a mean go back across", "nn/pool.go",
		"		if n.rows.begins(b, t) {\n			clear(carry)\n		}\n", "", inChainResets},
	{"chain resets: the maximum goes on", "nn/resets.go",
		"		return t - step\n", "		return start + t + 0*step\n", inChainResets},
	{"chain resets: the steps of a pool go on after the window", "nn/pool.go",
		"p.count[b] = p.age(b, n-1) + 1", "p.count[b] += n", inChainResets},
	{"chain resets: the clock of a dropout goes on", "nn/dropout.go",
		"			n.masks.Reset(b)\n", "", inChainResets},
	{"chain resets: for each forward pass to come", "nn/rows.go",
		"r.now, r.next = r.next, false", "r.now = r.next", inChainResets},
	{"chain resets: a state that cannot begin anew goes on", "nn/resets.go",
		"	if _, ok := net.(resetter); !ok &&", "	if _, ok := net.(resetter); false && !ok &&", inChainResets},
	{"chain resets: one past the end of a row is taken", "nn/resets.go",
		"list[len(list)-1] >= n {", "list[len(list)-1] > n {", inChainResets},
	{"chain resets: Backward goes over a pass without them", "nn/resets.go",
		"	m.pending = false\n	m.passes++\n	for i", "	m.passes++\n	for i", inChainResets},
	{"windows: rows go on inside", "bptt/update.go",
		"	if err := nn.SetResets(t.net, b.Resets); err != nil {\n		return total, 0, err\n	}\n", "", inTrainResets},
	{"windows: rows go on in the run ahead", "bptt/window.go",
		"	if err := nn.SetResets(t.net, w.resetsBefore()); err != nil {\n		return err\n	}\n", "", inTrainResets},
	{"windows: steps to begin anew stay where they were", "bptt/window_resets.go",
		"kept = append(kept, t-w.shift)", "kept = append(kept, t)", inTrainResets},
	{"windows: a checkpoint forgets where rows begin anew", "bptt/window_save.go",
		"		w.setResets(b.Resets)\n", "", inTrainResets},
	{"windows: a state of another sequence is put back", "bptt/update.go",
		"|| len(list) > 0", "|| len(list) > 1<<30", inTrainResets},
	{"evaluation: rows go on inside", "bptt/evaluate.go",
		"		if err := nn.SetResets(net, b.Resets); err != nil {\n			return total, err\n		}\n", "", inTrainResets},
	{"separators: rows begin anew one step later", "data/text.go",
		"append(d.resets[p%d.rows], p/d.rows), true", "append(d.resets[p%d.rows], p/d.rows+1), true", []string{"./data Separators"}},
	{"spans: open ones go on where a row begins anew", "loss/spans.go",
		"		m.closeBefore(b, p%b.Rows, p/b.Rows+1)\n", "", []string{"./loss Anew"}},
}
