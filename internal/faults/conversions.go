package main

// conversionFaults are about other libraries' weights.
var conversionFaults = []fault{
	{"ONNX: the peepholes of o and f change places", "convert/onnx.go",
		"return order{0, 2, 1}", "return order{0, 1, 2}", inConvert},
	{"ONNX: coupled gates take the weights of f for those of g", "convert/onnx.go",
		"return order{0, 2, noGate, 1}", "return order{0, 2, 1, noGate}", inConvert},
	{"ONNX: any clip will do", "convert/onnx.go",
		"case op.Clip != n.clip:", "case op.Clip != n.clip && op.Clip == 0:", inConvert},
	{"ONNX: every function has the first one's alpha", "convert/onnx.go",
		"alpha = append(alpha, parameters[0])", "_, first := n.functions[0].ONNX()\n\t\t\t\talpha = append(alpha, append(first, parameters...)[0])", inConvert},
	{"PyTorch: the projection stays behind", "convert/pytorch.go",
		"if p.hr != nil {", "if p.hr != nil && n.bias != n.bias {", inConvert},
	{"Keras: kernels as they lie", "convert/keras.go",
		"o.fromColumns(p.hh, k.RecurrentKernel.Data, n.hidden)", "o.fromRows(p.hh, k.RecurrentKernel.Data, n.hidden)", inConvert},
	{"oneDNN: the projection as it lies", "convert/onednn.go",
		"put(order{0}, a.WeightsProjection.part(k, d), p.hr, n.width)", "copy(a.WeightsProjection.part(k, d), p.hr)", inConvert},
	{"haste: the gains of both products change places", "convert/haste.go",
		"o.toRows(k.Gamma.part(0, 2), p.gih, n.hidden)", "o.toRows(k.Gamma.part(0, 2), p.ghh, n.hidden)", inConvert},
	{"GRU: a textbook's z by its weights, below a layer norm", "convert/network.go",
		"if n.layerNorm {", "if !n.layerNorm && n.textbook != n.textbook {", inConvert},
	{"options: one that the library does not have goes unnoticed", "convert/network.go",
		"option(\"CellClip\", c.CellClip > 0)", "", inConvert},
	{"conversions of a network that is not there", "convert/network.go",
		"if net == nil {", "if false {", inConvert},
}
