package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
)

// A kind is what a description says of a stage of one kind: its fields are those of the JSON
// object, beside "kind". make makes the stage, with weights of a file.
type kind interface {
	make(m *maker, at string) (*node, error)
}

// Kinds of stages by their names in a description.
const (
	kindEmbedding  = "embedding"
	kindLinear     = "linear"
	kindLayerNorm  = "layer_norm"
	kindActivation = "activation"
	kindDropout    = "dropout"
	kindPoolMean   = "pool_mean"
	kindPoolMax    = "pool_max"
	kindAttention  = "attention_pool"
	kindSequential = "sequential"
	kindResidual   = "residual"
	kindParallel   = "parallel"
	kindLSTM       = "lstm"
	kindGRU        = "gru"
	kindRNN        = "rnn"
)

// shared are weights of an earlier stage: by the name in the stage that one in the chain.
type shared map[string]string

type (
	embedding struct {
		Vocabulary int    `json:"vocabulary"`
		Dim        int    `json:"dim"`
		Padding    *int32 `json:"padding_id,omitempty"`
	}
	linear struct {
		In     int    `json:"in"`
		Out    int    `json:"out"`
		Bias   bool   `json:"bias"`
		Shared shared `json:"shared,omitempty"`
	}
	layerNorm struct {
		Width  int     `json:"width"`
		Bias   bool    `json:"bias"`
		Eps    float32 `json:"eps,omitempty"`
		Shared shared  `json:"shared,omitempty"`
	}
	activation function
	dropout    struct {
		P      float32 `json:"p"`
		Locked bool    `json:"locked,omitempty"`
		Whole  bool    `json:"whole,omitempty"`
	}
	pool      struct{ of nn.Stage }
	composite struct {
		Stages []json.RawMessage `json:"stages"`
		kind   string
	}
	recurrent struct {
		Config  json.RawMessage `json:"config,omitempty"`
		Layer   string          `json:"layer_of,omitempty"` // the place of an earlier stage that has the same layer
		Learned bool            `json:"learned_state,omitempty"`
		kind    string
	}
)

// kindOf is an empty one of a name, nil if there is none.
func kindOf(name string) kind {
	switch name {
	case kindEmbedding:
		return &embedding{}
	case kindLinear:
		return &linear{}
	case kindLayerNorm:
		return &layerNorm{}
	case kindActivation:
		return &activation{}
	case kindDropout:
		return &dropout{}
	case kindPoolMean:
		return &pool{nn.PoolMean{}}
	case kindPoolMax:
		return &pool{nn.PoolMax{}}
	case kindSequential, kindResidual, kindParallel, kindAttention:
		return &composite{kind: name}
	case kindLSTM, kindGRU, kindRNN:
		return &recurrent{kind: name}
	}
	return nil
}

// A layer is a *lstm.Layer, a *gru.Layer or a *rnn.Layer.
type layer interface {
	EachParam(f func(name string, w []float32, shape ...int))
}

// A node is a stage of a Chain, of which each chain for some steps and rows has its own Net.
type node struct {
	at    string
	stage nn.Stage // one without steps and rows; nil for the others

	layer   layer // over time
	learned bool
	initial [][]float32 // of learned: h0 and, of an LSTM, c0

	kind  string // of one made of parts
	parts []*node
}

// of returns the stage for a chain.
func (n *node) of(steps, batch int, infer bool) (nn.Stage, error) {
	switch {
	case n.stage != nil:
		return n.stage, nil
	case n.layer == nil:
		parts, err := stagesOf(n.parts, steps, batch, infer)
		if err != nil {
			return nil, err
		}
		switch n.kind {
		case kindResidual:
			return nn.Residual(parts), nil
		case kindParallel:
			return nn.Parallel(parts), nil
		case kindAttention:
			return nn.AttentionPool(parts), nil
		}
		return nn.Sequential(parts), nil
	}
	net := netOf(n.layer, steps, batch, infer)
	if !n.learned {
		return net, nil
	}
	learned, err := nn.NewLearnedState(net)
	if err != nil {
		return nil, &Error{n.at, "", err}
	}
	for k, w := range statesOf(learned) {
		copy(w.W, n.initial[k])
	}
	learned.Reset()
	return learned, nil
}

func stagesOf(nodes []*node, steps, batch int, infer bool) (stages []nn.Stage, err error) {
	for _, n := range nodes {
		s, err := n.of(steps, batch, infer)
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	return stages, nil
}

// netOf is the Net of a layer.
func netOf(l layer, steps, batch int, infer bool) nn.Net {
	switch l := l.(type) {
	case *lstm.Layer:
		if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	case *gru.Layer:
		if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	case *rnn.Layer:
		if infer {
			return l.Infer(steps, batch)
		}
		return l.Unroll(steps, batch)
	}
	panic(fmt.Sprintf("chain: a %T is no layer", l))
}

// statesOf are the parameters that a LearnedState has beside those of its net.
func statesOf(l *nn.LearnedState) (states []nn.Param) {
	before := 0
	l.Net().EachParam(func(string, []float32, []float32) { before++ })
	l.EachParam(func(name string, w, g []float32) {
		if before--; before < 0 {
			states = append(states, nn.Param{Name: name, W: w, G: g})
		}
	})
	return states
}

// A text is a description as JSON.
type text struct {
	Version int               `json:"version"`
	Stages  []json.RawMessage `json:"stages"`
}

const version = 1

// object returns the JSON object of a stage.
func object(name string, k any) (json.RawMessage, error) {
	fields, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	head := []byte(`{"kind":` + strconv.Quote(name))
	if len(fields) > 2 {
		head = append(head, ',')
	}
	return append(head, fields[1:]...), nil
}

// most is how deep stages may stand within stages, and deepest how many there may be.
const (
	most    = 4096
	deepest = 16
)

// A maker makes the stages of a description, with weights of tensors.
type maker struct {
	from    source
	depth   int
	made    int
	weights map[string][]float32 // by their names in the chain
	layers  map[string]layer     // by their places
	tables  map[string]*nn.Embedding
	taken   map[string]bool // tensors
}

// nodes makes the stages of a list.
func (m *maker) nodes(prefix string, list []json.RawMessage) (nodes []*node, err error) {
	if m.depth++; m.depth > deepest {
		return nil, refuse(prefix, "stages within stages within stages, want at most %d levels", deepest)
	}
	defer func() { m.depth-- }()
	for i, text := range list {
		at := prefix + strconv.Itoa(i)
		if m.made++; m.made > most {
			return nil, refuse(at, "more than %d stages", most)
		}
		var head struct{ Kind string }
		if err := json.Unmarshal(text, &head); err != nil {
			return nil, &Error{at, "its description is no object with a \"kind\"", err}
		}
		k := kindOf(head.Kind)
		if k == nil {
			return nil, refuse(at, "its kind is %s, which is none that this version of the package knows", short(head.Kind))
		}
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &fields); err != nil {
			return nil, &Error{at, "its description is no object", err}
		}
		delete(fields, "kind")
		rest, err := json.Marshal(fields)
		if err != nil {
			return nil, &Error{at, "", err}
		}
		if err := strictly(rest, k); err != nil {
			return nil, &Error{at, "its description, of the kind " + head.Kind, err}
		}
		n, err := k.make(m, at)
		if err != nil {
			if e := new(Error); !errors.As(err, &e) {
				err = &Error{at, "", err}
			}
			return nil, err
		}
		n.at = at
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (k *embedding) make(m *maker, at string) (*node, error) {
	w, err := m.take(at, "weight", k.Vocabulary, k.Dim)
	if err != nil {
		return nil, err
	}
	e := &nn.Embedding{Weight: w, Vocabulary: k.Vocabulary, Dim: k.Dim}
	if k.Padding != nil {
		if err := e.SetPaddingID(*k.Padding); err != nil {
			return nil, err
		}
	}
	m.tables[at+".weight"] = e
	return &node{stage: e}, nil
}

func (k *linear) make(m *maker, at string) (*node, error) {
	w, b, err := m.pair(at, k.Bias, k.Shared, []int{k.Out, k.In}, k.Out)
	if err != nil {
		return nil, err
	}
	l := &nn.Linear{Weight: w, Bias: b, In: k.In, Out: k.Out}
	if e := m.tables[k.Shared["weight"]]; e != nil {
		l = e.Readout() // which GrowReadout knows as one
		l.Bias = b
	}
	return &node{stage: l}, nil
}

func (k *layerNorm) make(m *maker, at string) (*node, error) {
	w, b, err := m.pair(at, k.Bias, k.Shared, []int{k.Width}, k.Width)
	if err != nil {
		return nil, err
	}
	return &node{stage: &nn.LayerNorm{Weight: w, Bias: b, Width: k.Width, Eps: k.Eps}}, nil
}

// pair takes a weight and a bias, either of which may be that of an earlier stage.
func (m *maker) pair(at string, biased bool, same shared, weight []int, bias int) (w, b []float32, err error) {
	for name := range same {
		if name != "weight" && (name != "bias" || !biased) {
			return nil, nil, refuse(at, "it shares %s, which it does not have", short(name))
		}
	}
	if w, err = m.takeOrShare(at, "weight", same, weight...); err == nil && biased {
		b, err = m.takeOrShare(at, "bias", same, bias)
	}
	return w, b, err
}

func (m *maker) takeOrShare(at, name string, same shared, shape ...int) ([]float32, error) {
	of, ok := same[name]
	if !ok {
		return m.take(at, name, shape...)
	}
	w, ok := m.weights[of]
	if !ok {
		return nil, refuse(at, "its %s is that of %s, which is no parameter of a stage before it", name, short(of))
	}
	if n, err := elements(shape); err != nil || n != len(w) {
		return nil, refuse(at, "its %s is %s, which has %d elements, want the shape %v", name, short(of), len(w), shape)
	}
	return w, nil
}

// functions are those of a stage, by ONNX's names; those of GELU are told apart here.
var functions = map[string]nn.Activation{
	"Tanh": nn.Tanh, "Relu": nn.ReLU, "Sigmoid": nn.Sigmoid, "Softsign": nn.Softsign, "Softplus": nn.Softplus,
	"Gelu": nn.GELU, "GeluTanh": nn.GELUTanh,
}

func (k *activation) make(_ *maker, at string) (*node, error) {
	a, ok := functions[k.Function]
	p, parameters := append(append([]float32{}, k.Parameters...), 0, 0), 0
	switch {
	case ok:
	case k.Function == "LeakyRelu":
		a, parameters = nn.LeakyReLU(p[0]), 1
	case k.Function == "Elu":
		a, parameters = nn.ELU(p[0]), 1
	case k.Function == "HardSigmoid":
		a, parameters = nn.HardSigmoid(p[0], p[1]), 2
	default:
		return nil, refuse(at, "there is no function %s", short(k.Function))
	}
	return &node{stage: a}, function(*k).has(parameters)
}

func (k *dropout) make(*maker, string) (*node, error) { return &node{stage: nn.Dropout(*k)}, nil }
func (k *pool) make(*maker, string) (*node, error)    { return &node{stage: k.of}, nil }

func (k *composite) make(m *maker, at string) (*node, error) {
	parts, err := m.nodes(at+".", k.Stages)
	return &node{kind: k.kind, parts: parts}, err
}
