package onnx

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// PyTorch's exporter writes an If where the number of axes of what comes out depends on a size,
// as for squeeze(1):
//
//	if the size of axis 1 is 1 { Squeeze } else { Identity }
//
// Mostly the size is known when the graph is read, and with it the branch. Its nodes then take the
// place of the If.

// maxBranches is how many Ifs of a graph may be read so, those within branches too.
const maxBranches = 64

// readIf is for an If that has not been replaced by one of its branches.
func readIf(c *call) ([]value, error) {
	what := "computed when the graph runs"
	if len(c.in) > 0 && c.in[0].v != nil && c.in[0].v.port != nil {
		what = c.in[0].v.what()
	} else if len(c.in) > 0 {
		if why, ok := c.im.refused[c.im.maker[c.n.Input[0]]].(refusal); ok {
			what += " (node " + nameOf(c.im.maker[c.n.Input[0]]) + ": " + string(why) + ")"
		}
	}
	return nil, refuse("its condition is %s; only a branch that is known when the graph is read can be taken: export the network with fixed sizes or without the condition", what)
}

// branched puts the branch that node i of a graph takes in its place. It returns false if that is
// no If, or one whose condition is not known.
func (im *importer) branched(g *pb.GraphProto, i int) (bool, error) {
	n := g.Node[i]
	if n.GetOpType() != "If" || n.GetDomain() != "" && n.GetDomain() != "ai.onnx" || len(n.Input) != 1 {
		return false, nil
	}
	c, err := im.call(n)
	if err != nil {
		return false, nodeError(n, err)
	}
	k := c.in[0].k
	if k == nil || k.float || k.count() != 1 {
		return false, nil
	}
	is, known := k.i[0].value()
	if !known {
		return false, nil
	}
	name := "then_branch"
	if is == 0 {
		name = "else_branch"
	}
	b := c.attribute(name, pb.AttributeProto_GRAPH).GetG()
	switch im.branches++; {
	case c.err != nil:
		return false, nodeError(n, c.err)
	case b == nil || len(b.Output) != len(n.Output) || len(b.Input) > 0 || len(b.SparseInitializer) > 0:
		return false, nodeError(n, refuse("its %s is missing, has inputs or sparse initializers, or does not have %d outputs", name, len(n.Output)))
	case im.branches > maxBranches:
		return false, nodeError(n, refuse("more than %d operators If", maxBranches))
	}
	nodes, err := im.inBranch(g.Node[:i], n, b)
	if err != nil {
		return false, nodeError(n, err)
	}
	if len(g.Node)+len(nodes) > maxNodes {
		return false, nodeError(n, refuse("with its %s more than %d nodes", name, maxNodes))
	}
	g.Node = slices.Replace(g.Node, i, i+1, nodes...)
	delete(im.refused, n)
	return true, nil
}

// inBranch are the nodes that stand for an If: those that the outputs of its branch need, and one
// for each output that gives it its name in the graph.
func (im *importer) inBranch(before []*pb.NodeProto, n *pb.NodeProto, b *pb.GraphProto) ([]*pb.NodeProto, error) {
	seen := map[string]bool{}
	for _, other := range before {
		for _, out := range other.Output {
			seen[out] = true
		}
	}
	there := func(name string) bool {
		_, ok := im.values[name]
		return seen[name] || ok && im.maker[name] == nil
	}
	enter := func(name string) error {
		if _, given := im.values[name]; given || im.maker[name] != nil || name == "" {
			return refuse("its branch has a tensor %q, a name that is empty or given before", cut(name))
		}
		return nil
	}
	for _, t := range b.Initializer {
		if err := enter(t.GetName()); err != nil {
			return nil, err
		}
		im.values[t.GetName()] = value{t: t}
	}
	var nodes []*pb.NodeProto
	needed := neededBy(b, "")
	for i, inner := range b.Node {
		if !needed[i] {
			continue
		}
		if err := readable(inner); err != nil {
			return nil, nodeError(inner, err)
		}
		local := map[string]bool{}
		givenWithin(local, inner)
		for _, in := range readsOf(inner) {
			if in != "" && !there(in) && !local[in] {
				return nil, nodeError(inner, missing(b, in))
			}
		}
		for _, out := range inner.Output {
			if out == "" {
				continue
			}
			if err := enter(out); err != nil {
				return nil, err
			}
			im.maker[out], seen[out] = inner, true
		}
		nodes = append(nodes, inner)
	}
	for i, o := range b.Output {
		if n.Output[i] == "" {
			continue
		}
		if !there(o.GetName()) {
			return nil, refuse("the output %q of its branch is computed by none of its nodes", cut(o.GetName()))
		}
		pass := &pb.NodeProto{OpType: proto.String("Identity"), Name: proto.String(nameOf(n)), Input: []string{o.GetName()}, Output: n.Output[i : i+1]}
		im.maker[n.Output[i]] = pass
		nodes = append(nodes, pass)
	}
	return nodes, nil
}

// readable returns an error for a node that is refused wherever it stands.
func readable(n *pb.NodeProto) error {
	op := n.GetOpType()
	if op != "If" && !loops[op] && slices.ContainsFunc(n.Attribute, func(a *pb.AttributeProto) bool { return a.G != nil }) {
		return refuse("it has a graph of its own; recurrent layers are read as the operators LSTM, GRU and RNN, and in the bodies of Loop and Scan")
	}
	if _, ok := operators[op]; !ok {
		return refuse("the operator is none that this package reads")
	}
	return nil
}

// givenWithin adds the names that graphs within a node give to a set.
func givenWithin(set map[string]bool, n *pb.NodeProto) {
	for _, a := range n.Attribute {
		g := a.GetG()
		for _, v := range g.GetInput() {
			set[v.GetName()] = true
		}
		for _, t := range g.GetInitializer() {
			set[t.GetName()] = true
		}
		for _, inner := range g.GetNode() {
			for _, out := range inner.Output {
				set[out] = true
			}
			givenWithin(set, inner)
		}
	}
}
