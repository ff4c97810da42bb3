package main

var (
	inGELU     = []string{"./kernels GELU"}
	inQuantile = []string{"./loss Quantile"}
)

// geluFaults are about the GELU, dropout of whole steps and the loss of quantiles.
var geluFaults = []fault{
	{"GELU: a coefficient of the tail in its last digit but one", "kernels/ref/activation_gelu.go",
		"f32(0x3d879a57)", "f32(0x3d879a97)", inGELU},
	{"GELU: the square is rounded", "kernels/ref/activation_gelu.go",
		"	l := FMA(t, t, -h)\n", "	l := float32(0)\n", inGELU},
	{"GELU: -Inf is NaN", "kernels/ref/activation_gelu.go",
		"	if x < -normalMax {\n		x = -normalMax\n	}\n", "", inGELU},
	{"GELU: the derivative without that of the share", "kernels/ref/activation_gelu.go",
		"float32(e*density)", "float32(e*0)", inGELU},
	{"GELU: both forms are one", "nn/activation.go",
		"		t.GELUTanh(y, x)\n", "		t.GELU(y, x)\n", []string{"./nn AgreeWithPyTorch"}},
	{"dropout: whole steps are not scaled", "nn/dropout.go",
		"				n.isa.Scale(row, row, scale)\n", "				n.isa.Scale(row, row, 1)\n", []string{"./nn WholeDropout"}},
	{"quantiles: the levels the other way round", "loss/quantile.go",
		"append(s.q, -q), append(s.above, 1-q)", "append(s.q, q-1), append(s.above, q)", inQuantile},
	{"quantiles: a slope where there is no difference", "loss/quantile.go",
		"	c.isa.Mul(g, g, t)\n", "", inQuantile},
	{"quantiles: the first level for all", "loss/quantile.go",
		"levels[i%len(levels)]", "levels[0*i]", inQuantile},
}
