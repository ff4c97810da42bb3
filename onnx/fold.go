package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

const (
	// Of the constants that nodes make of others, each element of 4 bytes, so many fit for each
	// byte of the file. Graphs that take the same part of the same weights at every step make
	// it once.
	copiesPerByte = 4

	smallConstant = 64 // elements of a constant that is compared by what it has
	sizeOfInteger = 6  // elements of 4 bytes in the room of an integer, or of a state
)

// A folded is what an operator has made of constants. The key of it names large ones by where they
// are in memory, so it keeps them: no other constant can come to lie there.
type folded struct{ in, out []value }

// operator reads a node as a part of a network. What the same operator makes of the same
// constants is made once.
func (c *call) operator() ([]value, error) {
	key, ok := c.foldKey()
	if e := c.im.folded[key]; ok && e.out != nil {
		return slices.Clone(e.out), nil // the same is asked for again
	}
	d := *c
	d.in = slices.Clone(c.in) // which a reader may change
	out, err := operators[c.n.GetOpType()](&d)
	if err != nil {
		return nil, err
	}
	if c.n.GetOpType() != "Constant" { // whose elements are in the file
		if err := c.room(out); err != nil {
			return nil, err
		}
	}
	if ok && !slices.ContainsFunc(out, func(v value) bool { return v.k == nil }) {
		if c.im.folded == nil {
			c.im.folded = map[string]folded{}
		}
		c.im.folded[key] = folded{in: slices.Clone(c.in), out: out}
	}
	return slices.Clone(out), nil
}

// room counts what the outputs of a node have that its inputs have not.
func (c *call) room(out []value) error {
	n := 0
	for _, v := range out {
		switch {
		case v.k != nil && len(v.k.f) > 0 && !slices.ContainsFunc(c.in, func(in value) bool { return in.k != nil && len(in.k.f) > 0 && &in.k.f[0] == &v.k.f[0] }):
			n += len(v.k.f)
		case v.k != nil && len(v.k.i) > 0 && !slices.ContainsFunc(c.in, func(in value) bool { return in.k != nil && len(in.k.i) > 0 && &in.k.i[0] == &v.k.i[0] }):
			n += sizeOfInteger * len(v.k.i)
		case v.v != nil && len(v.v.list) > 0 && !slices.ContainsFunc(c.in, func(in value) bool {
			return in.v != nil && len(in.v.list) > 0 && &in.v.list[0] == &v.v.list[0]
		}):
			n += sizeOfInteger * len(v.v.list)
		}
	}
	// Without room the import ends: later nodes would make as much again.
	if n > c.im.room {
		return &NodeError{Node: c.im.at, Op: c.n.GetOpType(), Reason: fmt.Sprintf("the constants that it and the nodes before it make of others have more elements than %d for each byte of the file", copiesPerByte)}
	}
	c.im.room -= n
	return nil
}

// foldKey identifies a node by its operator, attributes and inputs; ok is false if one of these
// is no constant, or there is none.
func (c *call) foldKey() (key string, ok bool) {
	if len(c.in) == 0 || loops[c.n.GetOpType()] {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", c.n.GetOpType(), len(c.n.Output))
	for _, a := range c.n.Attribute {
		if a.T != nil || a.G != nil {
			return "", false
		}
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.AttributeProto{Name: a.Name, Type: a.Type, F: a.F, I: a.I, S: a.S, Floats: a.Floats, Ints: a.Ints, Strings: a.Strings})
		if err != nil {
			return "", false
		}
		fmt.Fprintf(&b, " %q", text)
	}
	for i, v := range c.in {
		switch {
		case v.v != nil || v.e != nil:
			return "", false
		case v.k == nil && c.n.Input[i] != "":
			return "", false
		case v.k == nil:
			b.WriteString(" none")
		case v.k.count() > smallConstant:
			fmt.Fprintf(&b, " %p", v.k)
		default:
			fmt.Fprintf(&b, " %v %v %v %v", v.k.dims, v.k.have, v.k.float, v.k.i)
			for _, f := range v.k.f {
				fmt.Fprintf(&b, " %x", math.Float32bits(f))
			}
		}
	}
	return b.String(), true
}
