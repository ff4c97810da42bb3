package main

// peopleFaults are about what somebody meets who writes a program: cells by name, records, and what
// takes time beside the layers.
var peopleFaults = []fault{
	{"cells by name: no dropout", "cell/cell.go",
		"Dropout: cfg.Dropout, Workers: cfg.Workers}, r)\n	case LSTM:", "Workers: cfg.Workers}, r)\n	case LSTM:", []string{"./cell"}},
	{"cells by name: a budget that is too small is a net", "cell/cell.go",
		"	if err != nil {\n		return nil, err\n	}\n	return net, nil\n", "	return net, err\n", []string{"./cell"}},
	{"records: as fast as they come", "bptt/log.go",
		"			l.last = time.Now()\n", "", []string{"./bptt Records"}},
	{"zeroing: one share", "nn/stage.go",
		"			clear(z.g[lo:hi])\n", "			if w == 0 && n > 1 || lo < 0 {\n				clear(z.g[lo:hi])\n			}\n", []string{"./nn"}},
	{"lanes: a sum of half of them", "kernels/reduce.go",
		"	return ref.Tree(lanes[:2*n])\n", "	return ref.Tree(lanes[:n])\n", []string{"./kernels Reductions"}},
	{"lanes: the maximum of half of them", "kernels/reduce.go",
		"	return ref.TreeMax(lanes[:2*n])\n", "	return ref.TreeMax(lanes[:n])\n", []string{"./kernels Reductions"}},
	{"forecast: quantiles of what lies above", "examples/forecast/quantiles.go",
		"float64(2 * (1 - float64(q)) * d)", "float64(2 * float64(q) * d)", inForecast},
	{"forecast: errors of other steps ahead", "examples/forecast/quantiles.go",
		"v := errs[g.series][h]\n", "v := errs[g.series][0*h]\n", inForecast},
}
