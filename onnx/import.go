package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

const (
	firstOpset, lastOpset = 7, 22

	maxNodes = 1 << 16 // of a graph

	// What constants and orders of a small file may have beyond its bytes.
	minElements = 1 << 16

	// How many formulas a graph may have, also for each of its nodes.
	minExprs, exprsPerNode = 1 << 12, 32
)

// nodesOf counts nodes, also those of the bodies of loops and of branches.
func nodesOf(g *pb.GraphProto) int {
	n := len(g.GetNode())
	for _, node := range g.GetNode() {
		for _, a := range node.Attribute {
			n += nodesOf(a.G)
		}
	}
	return n
}

// An importer reads one graph.
type importer struct {
	opset  int64
	folder *folder // of external data; nil if they are not wanted
	most   int     // elements of one constant
	budget int     // elements of orders that are left

	outside []*outsideFile // that tensors are in
	room    int            // elements of constants that nodes may still make of others
	folded  map[string]folded

	at     string // the name of the node that is being read
	values map[string]value
	ports  []*Port // in the order of the graph's inputs
	sizes  []string
	roots  []*root

	branches int  // of operators If that have been read
	join     bool // sums and products of any two branches are read: no cell is left to be found
	powers   map[powerKey]*node

	writtenCells
}

// writtenCells are what an importer knows of cells that are written without the operators of recurrent
// layers.
type writtenCells struct {
	maker    map[string]*pb.NodeProto // of each tensor
	refused  map[*pb.NodeProto]error  // nodes that are no part of a network by themselves
	exprs    map[exprKey]*expr        // all of them
	maxExprs int
	parts    map[partKey]*expr    // of them
	names    map[*expr]string     // of the nodes that gave them
	numbers  map[uint32][]float32 // the data of constants that are one number
	matrices map[any]*matrix      // by what they are of
	cells    map[*expr]*stepCell  // those that have been recognised
	tried    map[*expr]bool       // as the state of a cell
	work     int                  // elements of matrices that have been compared
	why      error                // why steps are no layer
}

// A value is what the graph calls by a name: k, v or r, and a formula beside v or in place of it.
// It has none of these for an initializer that no node has used yet, and for what could not
// be read.
type value struct {
	k       *constant
	v       *view
	e       *formula
	r       *rowValue
	t       *pb.TensorProto
	settled bool // a step of a layer, found among formulas
}

// A root is an input of the graph that a layer, a product or a table reads as data: what the
// chain of an encoder or a decoder begins with.
type root struct {
	port  *Port
	node  *node
	roles [2]role // of the first two axes
}

// role says what an axis of an input is.
type role uint8

const (
	noRole role = iota
	timeRole
	batchRole
)

// imported reads the graph of a model, of a file of so many bytes.
func imported(model *pb.ModelProto, bytes int, f *folder, want string) (*Network, error) {
	im := &importer{folder: f, most: max(bytes, minElements), budget: max(bytes, minElements), room: copiesPerByte * max(bytes, minElements), values: map[string]value{}, writtenCells: writtenCells{names: map[*expr]string{}}}
	for _, o := range model.OpsetImport {
		if d := o.GetDomain(); d == "" || d == "ai.onnx" {
			im.opset = o.GetVersion()
		}
	}
	g := model.Graph
	switch {
	case g == nil:
		return nil, malformed("the model", "it has no graph: the file is none of ONNX, or cut off")
	case im.opset == 0:
		return nil, malformed("the model", "it does not say its operator set")
	case im.opset < firstOpset || im.opset > lastOpset:
		return nil, malformed("the model", "the operator set %d, want %d to %d; export it with one of these", im.opset, firstOpset, lastOpset)
	case len(g.Node) > maxNodes:
		return nil, malformed("the graph", "%d nodes, want at most %d; export it in parts", len(g.Node), maxNodes)
	case len(g.SparseInitializer) > 0:
		return nil, malformed("the graph", "sparse initializers, which no layer here has; export it with whole ones")
	}
	im.maxExprs = minExprs + exprsPerNode*nodesOf(g)
	if err := im.inputs(g); err != nil {
		return nil, err
	}
	if err := im.run(g, model.Functions, want); err != nil {
		return nil, err
	}
	return im.network(g, want)
}

// inputs names the initializers and what the graph is given when it runs.
func (im *importer) inputs(g *pb.GraphProto) error {
	for _, t := range g.Initializer {
		if err := im.define(t.GetName(), value{t: t}); err != nil {
			return err
		}
	}
	for _, in := range g.Input {
		if _, ok := im.values[in.GetName()]; ok {
			continue // an input with a default value
		}
		v, err := im.input1(in)
		if err != nil {
			return err
		}
		if err := im.define(in.GetName(), value{v: v}); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) define(name string, v value) error {
	if _, twice := im.values[name]; twice || name == "" {
		return malformed(textOf("tensor", name), "the name is empty, or has been given before")
	}
	im.values[name] = v
	return nil
}

// input1 is the view of an input of the graph.
func (im *importer) input1(in *pb.ValueInfoProto) (*view, error) {
	part, t := textOf("input", in.GetName()), in.GetType().GetTensorType()
	if t == nil {
		return nil, malformed(part, "it is no tensor")
	}
	if !isFloat(t.GetElemType()) && !isInteger(t.GetElemType()) {
		return nil, malformed(part, "the data type is %s, want a float or an integer type; export it with one of these", typeName(t.GetElemType()))
	}
	dims := t.GetShape().GetDim()
	if t.Shape == nil || len(dims) > maxRank {
		return nil, malformed(part, "a shape of an unknown number of axes, or more than %d; export it with fixed axes, whose sizes may be open", maxRank)
	}
	p := &Port{Name: in.GetName(), Integers: isInteger(t.GetElemType())}
	v := &view{source: source{port: &portSource{port: p}}}
	stride, fixed := 1, make([]int, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		if n, ok := dims[i].Value.(*pb.TensorShapeProto_Dimension_DimValue); ok && n.DimValue > 0 {
			if n.DimValue > 1<<31-1 {
				return nil, malformed(part, "axis %d has %d elements, want less than 2^31", i, n.DimValue)
			}
			fixed[i] = int(n.DimValue)
		}
	}
	for i := len(dims) - 1; i >= 0; i-- {
		size := known(int64(fixed[i]))
		if fixed[i] == 0 {
			name := dims[i].GetDimParam()
			if name == "" {
				name = fmt.Sprintf("%s.%d", p.Name, i)
			}
			var err error
			if size, err = im.size(part, name); err != nil {
				return nil, err
			}
			p.Shape = append(p.Shape, name)
		} else {
			p.Shape = append(p.Shape, fmt.Sprint(fixed[i]))
		}
		a := atom{kind: ofSequence, axis: i, size: size}
		if i >= 2 || i == len(dims)-1 && i > 0 && !p.Integers {
			n, ok := size.value()
			if !ok || n > 1<<31-1 || stride > (1<<31-1)/int(n) {
				// Not wrong by itself: the input may have no use that needs vectors.
				a.kind, a.axis = ofSequence, i
			} else {
				a = feature(int(n), stride)
				stride *= int(n)
			}
		}
		v.dims = append(v.dims, []atom{a})
	}
	slices.Reverse(v.dims)
	slices.Reverse(p.Shape)
	p.fixed = fixed
	im.ports = append(im.ports, p)
	return v.like(v.dims), nil
}

// size is the symbol of a name.
func (im *importer) size(part, name string) (sym, error) {
	i := slices.Index(im.sizes, name)
	if i < 0 {
		if i = len(im.sizes); i == maxSizes {
			return sym{}, malformed(part, "more than %d different sizes that are not known", maxSizes)
		}
		im.sizes = append(im.sizes, name)
	}
	return unknown(i), nil
}

// run reads the nodes that the outputs need, each after those that it needs itself. What is
// no part of a network by itself may be a part of a cell, and becomes a formula. Once the
// steps of a layer are found among these, the nodes after them are read again.
func (im *importer) run(g *pb.GraphProto, functions []*pb.FunctionProto, want string) error {
	if len(functions) > 0 {
		return malformed(textOf("function", functions[0].GetName()), "functions of a model are not read; export it with its functions inlined")
	}
	needed := neededBy(g, want)
	read := &pb.GraphProto{Output: g.Output} // of the nodes that are needed, with those of branches
	for i, n := range g.Node {
		if !needed[i] {
			continue
		}
		if err := readable(n); err != nil {
			return nodeError(n, err)
		}
		read.Node = append(read.Node, n)
	}
	im.maker = map[string]*pb.NodeProto{}
	for _, n := range read.Node {
		for _, in := range n.Input {
			if _, ok := im.values[in]; !ok && in != "" && im.maker[in] == nil {
				return nodeError(n, missing(g, in))
			}
		}
		for _, out := range n.Output {
			if _, ok := im.values[out]; (ok || im.maker[out] != nil) && out != "" {
				return nodeError(n, refuse("its output %q has the name of another tensor", out))
			}
			im.maker[out] = n
		}
	}
	im.refused = map[*pb.NodeProto]error{}
	for pass := range maxPasses {
		for i := 0; i < len(read.Node); i++ {
			for {
				if yes, err := im.branched(read, i); err != nil {
					return err
				} else if !yes {
					break
				}
			}
			n := read.Node[i]
			if pass > 0 && im.settled(n) {
				continue
			}
			if err := im.read(n); err != nil {
				return nodeError(n, err)
			}
		}
		open := im.open(read, want)
		if open == nil {
			return nil
		}
		if found, err := im.unroll(read); err != nil {
			return err
		} else if !found {
			if im.why != nil {
				return im.why
			}
			if im.join {
				return nodeError(open, im.refused[open])
			}
			im.join = true
		}
	}
	return malformed("the graph", "more than %d unrolled layers, one after another", maxPasses)
}

// maxPasses is how often nodes are read: once more for each unrolled layer.
const maxPasses = 32

// settled says whether all outputs of a node that are in use have values that stay.
func (im *importer) settled(n *pb.NodeProto) bool {
	for _, out := range n.Output {
		if v := im.values[out]; out != "" && v.k == nil && v.v == nil && !v.settled {
			return false
		}
	}
	return true
}

// open returns the first node that an output waits for and that could not be read, nil if
// there is none.
func (im *importer) open(g *pb.GraphProto, want string) *pb.NodeProto {
	waits := map[*pb.NodeProto]bool{}
	var list []string
	for _, o := range g.Output {
		if want == "" || want == o.GetName() {
			list = append(list, o.GetName())
		}
	}
	for len(list) > 0 {
		name := list[len(list)-1]
		list = list[:len(list)-1]
		n := im.maker[name]
		if v := im.values[name]; n == nil || waits[n] || v.k != nil || v.v != nil {
			continue
		}
		waits[n] = true
		for i, in := range readsOf(n) {
			if !isCondition(n, i) {
				list = append(list, in)
			}
		}
	}
	// A node that is no part of a cell, of inputs that could be read, says most.
	var first *pb.NodeProto
	for _, n := range g.Node {
		if !waits[n] || im.refused[n] == nil {
			continue
		}
		unread := func(name string) bool {
			v := im.values[name]
			return name != "" && v.k == nil && v.v == nil && v.r == nil && v.t == nil
		}
		if im.values[n.Output[0]].e == nil && !slices.ContainsFunc(n.Input, unread) {
			return n
		}
		if first == nil {
			first = n
		}
	}
	return first
}

// neededBy says which nodes the outputs depend on, or the output that is wanted.
func neededBy(g *pb.GraphProto, want string) []bool {
	from := map[string]int{}
	for i, n := range g.Node {
		for _, out := range n.Output {
			from[out] = i
		}
	}
	needed := make([]bool, len(g.Node))
	var open []string
	for _, o := range g.Output {
		if want == "" || want == o.GetName() {
			open = append(open, o.GetName())
		}
	}
	for len(open) > 0 {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		i, ok := from[name]
		if name == "" || !ok || needed[i] {
			continue
		}
		needed[i] = true
		open = append(open, readsOf(g.Node[i])...)
	}
	return needed
}

// readsOf are the names that a node reads, also those in a graph of its own.
func readsOf(n *pb.NodeProto) []string { return addReads(nil, n) }

func addReads(list []string, n *pb.NodeProto) []string {
	list = append(list, n.Input...)
	for _, a := range n.Attribute {
		for _, inner := range a.GetG().GetNode() {
			list = addReads(list, inner)
		}
	}
	return list
}

// isCondition says whether input i of a node is the condition of a loop, which needs no value:
// it is read by the nodes that it comes from.
func isCondition(n *pb.NodeProto, i int) bool { return n.GetOpType() == "Loop" && i == 1 }

// missing says why an input has no value: nodes stand in a file in the order in which
// they are computed.
func missing(g *pb.GraphProto, in string) error {
	for _, other := range g.Node {
		if slices.Contains(other.Output, in) {
			return refuse("its input %q comes from a later node, %q: the graph has a cycle, or nodes out of order", in, nameOf(other))
		}
	}
	return refuse("its input %q is no initializer, no input and no output of a node", in)
}

func nameOf(n *pb.NodeProto) string {
	name := n.GetName()
	if name == "" && len(n.Output) > 0 {
		name = n.Output[0]
	}
	return cut(name)
}

// nodeError puts the node before the reason.
func nodeError(n *pb.NodeProto, err error) error {
	var r refusal
	if !errors.As(err, &r) {
		return err
	}
	op := n.GetOpType()
	if d := n.GetDomain(); d != "" {
		op = d + "." + op
	}
	return &NodeError{Node: nameOf(n), Op: op, Reason: string(r)}
}
