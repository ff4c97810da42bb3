package archtest

// onKernels are the packages in which only kernels compute with elements: the cells,
// their time loop, the stages of networks, losses, optimizers, training, and package
// kernels itself.
var onKernels = []string{"bptt", "finetune", "gru", "internal/seq", "kernels", "loss", "lstm", "nn", "optim", "rnn", "seq2seq"}

// around are those of them whose lists of float64 are sums, counts and rates, not elements,
// and which call functions of single numbers, such as kernels.Log, that have no tier.
var around = []string{"bptt", "finetune", "loss", "optim", "seq2seq"}

// oneNumber lists the functions there that compute with single numbers of a
// configuration or of a row. They may do arithmetic, and touch no element.
var oneNumber = map[string]string{
	"internal/seq.MaskBounds":      "1+p and 1/(1-p) of a probability",
	"internal/seq.Step.KeepGrad":   "1-p of a probability",
	"internal/seq.CheckLimit":      "whether a limit is finite",
	"internal/seq.CheckActivation": "whether a parameter is finite",
	"kernels.ISA.Normalize":        "mean and deviation of a row",
	"kernels.ISA.NormalizeGrad":    "two means of a row",
	"kernels.floatMode":            "a probe of the rounding mode",
	"nn.LayerNorm.check":           "whether a number is finite",
	"optim.ASGD.Update":            "the weights of a mean",
	"seq2seq.softmaxGrad":          "the sign of a number of a row",
}

// outside lists what may touch elements, since no step of a sequence depends on
// its speed, or since it moves them and no more.
var outside = map[string]string{
	"internal/seq/init.go":              "initial values, drawn once",
	"internal/seq.Noise.probability":    "picks one of six numbers",
	"lstm.Layer.SetForgetBias":          "initial values, set once",
	"nn/fingerprint.go":                 "hashes what there is",
	"nn/gradcheck.go":                   "a tool for tests, in float64",
	"nn/grow.go":                        "weights made larger, once",
	"nn.NewLayerNorm":                   "initial values, set once",
	"nn.layerNorm.forwardRows":          "keeps one number of a row",
	"nn.layerNorm.inputGradient":        "takes it",
	"nn.dropout.apply":                  "takes one number of a row, to drop whole words",
	"nn.LearnedState.begin":             "keeps one number of a row",
	"nn.LearnedState.starts":            "takes it",
	"nn.pool.CopyState":                 "the number of steps of a row",
	"nn.pool.SetState":                  "the number of steps of a row",
	"nn.weighing.accumulate":            "takes one number of a row, which mostly is 1",
	"nn.weighing.back":                  "likewise",
	"nn.weighing.below":                 "whether one number of a row is below 0",
	"nn.weighing.none":                  "whether one sum of a row is that of no step",
	"bptt.gradients.piece":              "takes the factor of a tensor",
	"bptt.gradients.clip":               "the factor of a tensor",
	"bptt.powers":                       "the norm of an order that Plan.ClipP says takes a power of each element",
	"bptt.sample":                       "some elements, compared among ranks once a run",
	"bptt.notFinite":                    "which number of a batch spoils an update, when it is spoiled",
	"nn.checkMarks":                     "whether the marks of rows that begin are 0 or 1",
	"loss.checkStepWeights":             "whether the weights of steps are numbers",
	"loss.checkWeights":                 "whether the weights of classes are numbers",
	"loss.call.wrongWeight":             "the first weight that is none, where a kernel has found one",
	"loss.call.wrongAnswer":             "the first target that is no answer, where a kernel has found one",
	"loss.stepWeight":                   "takes the weight of a step",
	"loss.CrossEntropy.weight":          "takes the weight of a class",
	"loss.Scratch.classRow":             "the one element of a row that is its target's",
	"loss.Scratch.ctcRow":               "the elements of a row that are classes of its labels",
	"loss.best":                         "where the largest element is, which a kernel has found",
	"loss/gradcheck.go":                 "a tool for tests, in float64",
	"loss.elementCall.checkLevels":      "whether levels are numbers",
	"loss.Scratch.setLevels":            "spreads the levels over one block",
	"loss.PerSequence.Loss":             "the weight of a step",
	"optim.usable":                      "whether the factors of an update are finite",
	"optim.State.Rooted":                "a state of an older version, once",
	"optim.State.checkTensors":          "a state that is read from a file, once",
	"seq2seq.Attention.Unroll":          "ones, set once",
	"seq2seq.Predictor.State":           "the source of a row",
	"seq2seq.Predictor.SetState":        "the source of a row",
	"seq2seq.sampler.mix":               "takes one number of a row, to choose its symbol",
	"seq2seq.sampler.choose":            "where the largest element is, which a kernel has found",
	"seq2seq.score":                     "keeps one number of a row",
	"seq2seq.AttentionNet.additiveGrad": "takes it",
	"kernels.lowest":                    "64 lanes, made once",
	"kernels.minusZeros":                "a vector of -0, made once",
	"kernels.ISA.DotRows":               "keeps one number of a row",
	"kernels.ISA.dotRows":               "keeps one number of a row",
	"kernels.packing.narrowPanel":       "moves up to three columns into a panel",
	"kernels.packing.scalarPanel":       "the packing of the scalar tier: called for no other",
	"kernels.at":                        "takes an address",
	"kernels.scalarTile":                "the tile of the scalar tier: called for no other",
}

// choosing lists the functions of the cells' packages that may name a tier or ask
// for the current one.
var choosing = map[string]string{
	"internal/seq.Net.newUnrolled":  "asks for the current tier, which it keeps",
	"internal/seq.NewNet":           "asks whether there is a tier at all",
	"internal/seq.secondLevelSize":  "asks for the size of a cache, not for a tier",
	"internal/seq.Net.NewPredictor": "asks for the current tier, which it keeps",
	"nn.newModel":                   "asks whether there is a tier at all",
	"nn.NewLearnedState":            "asks for the current tier, which it keeps",
	"nn.growRows":                   "no layer is there yet",
	"nn.newGroup":                   "asks for the current tier, which it keeps",
	"nn.params.sums":                "asks for the current tier, which it keeps",
}

// tierless are the functions of package kernels that compute nothing, on no tier:
// they compare addresses.
var tierless = []string{"Overlap", "Same"}

// refMay are the functions of kernels/ref that package kernels may call wherever
// it is: they join the 64 lanes of a sum, step a counter, or compute one number.
var refMay = []string{"Tree", "TreeMax", "Quad", "Count", "FMA", "Log64", "Exp64", "Cos64"}

// tierOf says which package has the kernels of a tier, and for which GOARCH.
var tierOf = map[string]map[string]string{
	"amd64": {"AVX2": "kernels/internal/avx2", "AVX512": "kernels/internal/avx512"},
	"arm64": {"NEON": "kernels/internal/neon"},
}
