package onnx

import (
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// keras2onnx writes an Embedding with mask_zero as a test of the ids, whose sum over time is
// the sequence_lens of the layers after it: a row has as many steps as it has ids other than 0.

// test says what a view has in place of ids.
type test uint8

const (
	noTest  test = iota
	isZero       // whether an id is 0
	notZero      // whether it is not
	counted      // how many of a row are not
)

// errMask is the reason of a node that chooses rows or steps when the graph runs. That the steps
// which are left out are the last of their rows follows from the data, not from the graph.
var errMask = refuse("it belongs to a mask that the graph computes when it runs, as tf2onnx writes Masking and mask_zero of Keras; layers here know how many steps a row has, not which: export the model without the mask, and give the steps of each row as lengths (sequence_lens, ForwardLengths)")

// castOfIDs is a cast of ids: to floats and wide integers they stay what they are.
func castOfIDs(v *view, to int32) ([]value, error) {
	switch {
	case v.test != noTest && to == int32(pb.TensorProto_BOOL) && v.test != counted: // which it is
	case v.test != noTest && !holdsCounts(to):
		return nil, refuse("a cast of a test of ids, or of how many there are, to the data type %s, want FLOAT, DOUBLE, INT32 or INT64, which hold the number of steps of a row", typeName(to))
	case v.test != noTest:
	case to == int32(pb.TensorProto_BOOL) && v.off != 0:
		return nil, refuse("a test whether ids are 0 after %d is added to them, want one of the ids as they are", v.off)
	case to == int32(pb.TensorProto_BOOL):
		out := *v
		out.test = notZero
		v = &out
	case isInteger(to) && to != int32(pb.TensorProto_INT32) && to != int32(pb.TensorProto_INT64):
		return nil, refuse("a cast of ids to the data type %s, want INT32, INT64, a float or BOOL", typeName(to))
	}
	return one(v), nil
}

// holdsCounts says whether a data type has numbers of steps, up to 2^24 at least.
func holdsCounts(to int32) bool {
	switch pb.TensorProto_DataType(to) {
	case pb.TensorProto_FLOAT, pb.TensorProto_DOUBLE, pb.TensorProto_INT32, pb.TensorProto_INT64:
		return true
	}
	return false
}

// tested reads Equal and Not of ids and tests; ok is false for other inputs.
func (c *call) tested() (out []value, ok bool, err error) {
	at := slices.IndexFunc(c.in, func(v value) bool { return v.v != nil && v.v.ids() })
	if at < 0 || len(c.in) > 2 {
		return nil, false, nil
	}
	v, err := c.view(at)
	if err != nil {
		return nil, true, err
	}
	w := *v
	if c.n.GetOpType() == "Not" {
		if v.test != isZero && v.test != notZero {
			return nil, true, refuse("the negation of what is no test of ids")
		}
		w.test = isZero + notZero - v.test
		return one(&w), true, nil
	}
	zero := len(c.in) == 2 && c.in[1-at].k != nil && c.in[1-at].k.count() == 1 && len(c.in[1-at].k.dims) <= len(v.dims)
	if zero {
		k := c.in[1-at].k
		zero = k.float && k.f[0] == 0 || !k.float && k.i[0].is(0)
		for _, d := range k.dims {
			zero = zero && d.is(1)
		}
	}
	if !zero || v.test == counted || v.off != 0 {
		return nil, true, refuse("it compares ids, or another integer that the graph is given, with something else than 0")
	}
	if w.test = isZero; v.test != noTest {
		w.test = isZero + notZero - v.test
	}
	return one(&w), true, nil
}

// counts is the sum of a test over time.
func counts(v *view, axis int, keep bool) (*view, error) {
	if v.test != notZero || keep || len(v.dims) != 2 || len(v.dims[axis]) > 1 {
		return nil, refuse("a sum of ids, or one that keeps its axis; want that of a test whether they are not 0, over time")
	}
	if err := v.node.setRole(v.dims[axis], timeRole); err != nil {
		return nil, err
	}
	out := *v
	out.test = counted
	return out.like([][]atom{v.dims[1-axis]}), nil
}
