package main

import "slices"

// A fault is one edit of the source: Old, which occurs in File exactly once, becomes
// New. At least one test of the packages Tests has to fail because of it. Where these are
// tested in several ways (here, in package asm's module, on arm64), a test has to fail in
// each.
type fault struct {
	Name, File, Old, New string
	Tests                []string
}

var (
	inKernels     = []string{"./kernels/...", "./fuzz"}
	inLSTM        = []string{"./lstm"}
	inGRU         = []string{"./gru"}
	inRNN         = []string{"./rnn"}
	inTraining    = []string{"./bptt", "./data", "./loss", "./nn", "./optim", "./internal/crew"}
	inOptim       = []string{"./optim"}
	inFinetune    = []string{"./finetune"}
	inData        = []string{"./data"}
	inGrow        = []string{"./nn Grow"}
	inDecode      = []string{"./decode"}
	inStages      = []string{"./nn"}
	inSeq2seq     = []string{"./seq2seq", "./data"}
	inConvert     = []string{"./convert"}
	inFiles       = []string{"./convert/safetensors"}
	inNumPy       = []string{"./convert/npy", "./convert/internal/narrow"}
	inKerasFiles  = []string{"./convert Keras"}
	inFingerprint = []string{"./fingerprint"}
	inCommand     = []string{"cmd:./simdrnn"}
	inMemory      = []string{"./internal/pages"}
	inPages       = []string{"convert/peer:. Pages"}
	inLosses      = []string{"./loss"}
	inElements    = []string{"./kernels ElementKernels|DotLanes64|BCE"}
	// Where training and data do something for losses.
	inMeasured  = []string{"./bptt Metrics"}
	inReduction = []string{"./bptt Reductions|InPlace|WeightsIn|TrainCTC"}

	// The tests of what was added to the textbook's cells.
	variantsOfLSTM = []string{"./lstm Variants"}
	variantsOfGRU  = []string{"./gru Variants"}
	variantsOfRNN  = []string{"./rnn Variants"}

	inEmitter     = []string{"asm:./neon"}
	inRules       = []string{"asm:."}
	inCharlm      = []string{"examples:./charlm"}
	inAdding      = []string{"examples:./adding"}
	inSignals     = []string{"examples:./internal/interrupt"}
	inProgram     = []string{"examples:./internal/program"}
	inWordlm      = []string{"examples:./wordlm"}
	inDates       = []string{"examples:./seq2seq"}
	inForecast    = []string{"examples:./forecast"}
	inGonum       = []string{"gonum:."}
	inONNX        = []string{"onnx:."}
	inBranches    = []string{"onnx:. OperatorSets|GradientsOfStages|FilesThatAreRefused"}
	inTestall     = []string{"./internal/testall"}
	inAdapt       = []string{"examples:./finetune"}
	inCopying     = []string{"examples:./copying"}
	inPolyphony   = []string{"examples:./polyphony"}
	inServe       = []string{"examples:./serve Session|State|Text|Refused|Length|Slow|Pause|Time|Shutdown"}
	inCopyState   = []string{"./nn CopyState"}
	inChain       = []string{"./convert/chain"}
	inConnections = []string{"examples:./serve Connections"}
	inBatcher     = []string{"examples:./serve Batch"}
	// The sequences of operations, run with numbers in the generator's module.
	inSequences = []string{"asm:./vec"}
	inListing   = []string{"asm:.", "./internal/archtest"}
	onARM64     = []string{"arm64:./kernels"}
)

// faults are planted one at a time. When one of their places changes, the list
// changes with it: a test holds every Old against the source.
var faults = slices.Concat(assemblyFaults, layerFaults, variantFaults, maskFaults, trainingFaults, conversionFaults, fileFaults, programFaults, gonumFaults, finetuneFaults, dataFaults, decodeFaults, segmentFaults, resetFaults, optimizerFaults, stageFaults, seq2seqFaults, lossFaults, trainerFaults, serveFaults, onnxFaults, toolFaults, rankFaults, blockFaults, chainResetFaults, geluFaults, peopleFaults, chainFaults, cellFaults, graphFaults, unusedFaults, symbolFaults)
