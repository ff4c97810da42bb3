package onnx

import (
	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// A call is a node with the values of its inputs and its attributes.
type call struct {
	im    *importer
	n     *pb.NodeProto
	in    []value // an absent one has neither k nor v
	attrs map[string]*pb.AttributeProto
	err   error // the first of an attribute of a wrong type
}

// call reads the inputs of a node. Initializers become constants when they are used.
func (im *importer) call(n *pb.NodeProto) (*call, error) {
	c := &call{im: im, n: n, attrs: map[string]*pb.AttributeProto{}}
	for _, a := range n.Attribute {
		if _, twice := c.attrs[a.GetName()]; twice {
			return nil, refuse("the attribute %s twice", a.GetName())
		}
		if a.GetRefAttrName() != "" {
			return nil, refuse("the attribute %s of a function, outside of one", a.GetName())
		}
		c.attrs[a.GetName()] = a
	}
	for _, name := range n.Input {
		v := im.values[name]
		if v.t != nil {
			k, err := im.tensor(textOf("initializer", name), v.t)
			if err != nil {
				return nil, err
			}
			v = value{k: k}
			im.values[name] = v
		}
		c.in = append(c.in, v)
	}
	return c, nil
}

func (c *call) has(i int) bool { return i < len(c.in) && (c.in[i].k != nil || c.in[i].v != nil) }

// constant returns input i, which has to be known when the graph is read.
func (c *call) constant(i int, what string) (*constant, error) {
	if i < len(c.in) && c.in[i].r != nil {
		return nil, errRows
	}
	if !c.has(i) {
		return nil, refuse("it has no input %d, %s", i, what)
	}
	if c.in[i].k == nil {
		return nil, refuse("its input %d, %s, is %s, want a constant", i, what, c.in[i].v.what())
	}
	return c.in[i].k, nil
}

// view returns input i, which the graph computes when it runs, as vectors of a node.
func (c *call) view(i int) (*view, error) {
	if i < len(c.in) && c.in[i].r != nil {
		return nil, errRows
	}
	if !c.has(i) {
		return nil, refuse("it has no input %d", i)
	}
	if c.in[i].v == nil {
		return nil, refuse("its input %d is a constant, want one that depends on the input of the graph", i)
	}
	return c.im.vectors(c.in[i].v)
}

func (v *view) what() string {
	switch {
	case v.port != nil:
		return "the graph's input " + v.port.port.Name
	case v.list != nil:
		return "a state of a layer"
	case v.node != nil && v.node.part != nil:
		return v.node.part.what()
	case v.node != nil && v.step.one():
		return "computed from one step or the final state of a layer"
	case v.node != nil && v.step != allSteps:
		return "computed from some steps of a layer"
	}
	return "computed when the graph runs"
}

func (c *call) attribute(name string, t pb.AttributeProto_AttributeType) *pb.AttributeProto {
	a := c.attrs[name]
	// Files of the first versions do not say the type.
	if a != nil && a.GetType() != t && a.GetType() != pb.AttributeProto_UNDEFINED && c.err == nil {
		c.err = refuse("the attribute %s is of the type %v, want %v", name, a.GetType(), t)
	}
	return a
}

func (c *call) int(name string, otherwise int64) int64 {
	if a := c.attribute(name, pb.AttributeProto_INT); a != nil {
		return a.GetI()
	}
	return otherwise
}

func (c *call) float(name string, otherwise float32) float32 {
	if a := c.attribute(name, pb.AttributeProto_FLOAT); a != nil {
		return a.GetF()
	}
	return otherwise
}

func (c *call) floats(name string) []float32 {
	return c.attribute(name, pb.AttributeProto_FLOATS).GetFloats()
}

func (c *call) string(name, otherwise string) string {
	if a := c.attribute(name, pb.AttributeProto_STRING); a != nil {
		return string(a.GetS())
	}
	return otherwise
}

func (c *call) strings(name string) (list []string) {
	for _, s := range c.attribute(name, pb.AttributeProto_STRINGS).GetStrings() {
		list = append(list, string(s))
	}
	return list
}

// list returns integers that operators have as an attribute up to some operator set, and
// as input i afterwards; ok is false if they are absent.
func (c *call) list(name string, i int) (list []int64, ok bool, err error) {
	if a := c.attribute(name, pb.AttributeProto_INTS); a != nil {
		return a.GetInts(), true, c.err
	}
	if !c.has(i) {
		if i < len(c.in) && c.n.Input[i] != "" {
			return nil, false, refuse("its input %d, %s, is computed when the graph runs, want a constant", i, name)
		}
		return nil, false, c.err
	}
	k, err := c.constant(i, name)
	if err != nil {
		return nil, false, err
	}
	list, err = k.integers()
	return list, true, err
}

// axisOf returns an axis that counts from the end where it is negative.
func axisOf(axis int64, rank int) (int, error) {
	if axis < 0 {
		axis += int64(rank)
	}
	if axis < 0 || axis >= int64(rank) {
		return 0, refuse("axis %d of a tensor of %d axes", axis, rank)
	}
	return int(axis), nil
}

// rank is the number of axes of a value.
func (v value) rank() int {
	if v.k != nil {
		return len(v.k.dims)
	}
	return len(v.v.dims)
}

// sizes are those of the axes of a value.
func (v value) sizes() ([]sym, error) {
	if v.k != nil {
		return v.k.dims, nil
	}
	return v.v.sizes()
}
