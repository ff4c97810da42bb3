package main

// finetuneFaults are about package finetune.
var finetuneFaults = []fault{
	{"adapters: the matrix grows with every Forward", "finetune/adapted.go",
		"copy(c, m.base[lo*m.in:hi*m.in])", "", inFinetune},
	{"adapters: the factor is missing", "finetune/adapted.go",
		"a.isa.Scale(m.scaled, m.b.W, a.how.scale())", "copy(m.scaled, m.b.W)", inFinetune},
	{"adapters: the gradient of B has no factor", "finetune/adapted.go",
		"\t\ta.isa.ScaleFlush(m.db, m.db, a.how.scale())\n", "", inFinetune},
	{"adapters: the gradient of A is set", "finetune/adapted.go",
		"a.isa.AddFlush(m.a.G, m.a.G, m.da)", "copy(m.a.G, m.da)", inFinetune},
	{"adapters: dW of the pass before counts again", "finetune/adapted.go",
		"\t\tclear(m.of.G)\n", "", inFinetune},
	{"adapters: shared weights have the gradient of the first place", "finetune/adapted.go",
		"\ta.sums.Run(a.team.Workers())\n", "", inFinetune},
	{"adapters: a file of another base", "finetune/file.go",
		"got != want.value {", `got != want.value && want.key != "base" {`, inFinetune},
	{"adapters: a predictor has the matrices of the Forward before", "finetune/adapted.go",
		"\ta.Apply()\n\treturn a.net.NewPredictor(batch)", "\treturn a.net.NewPredictor(batch)", inFinetune},
	{"adapters: a validation of another net sees the update before", "bptt/validate.go",
		"\t\ta.Apply()\n", "\t\t_ = a\n", inFinetune},
	{"load: parameters before a damaged tensor are set", "finetune/load.go",
		"values[i] = make([]float32, len(p.W))", "values[i] = p.W", inFinetune},
	{"load: any shape of as many elements", "finetune/load.go",
		"if !slices.Equal(shape, shapes[p.Name]) {", "if !slices.Equal(shape, shapes[p.Name]) && len(shape) != 2 {", inFinetune},
}
