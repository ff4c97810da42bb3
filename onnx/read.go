package onnx

import (
	"errors"
	"slices"

	"github.com/simdrnn/simdrnn/onnx/internal/pb"
)

// read gives the outputs of a node their values. A node that is refused may still be a part
// of a cell; the reason is kept for the case that it is none.
func (im *importer) read(n *pb.NodeProto) error {
	c, err := im.call(n)
	if err != nil {
		return err
	}
	im.at = nameOf(n)
	delete(im.refused, n)
	out, err := c.values()
	var r refusal
	if err != nil && !errors.As(err, &r) {
		return err
	}
	if err != nil {
		im.refused[n] = err
	}
	for i, name := range n.Output {
		if name == "" {
			continue
		}
		if i >= len(out) {
			if err == nil {
				im.refused[n] = refuse("its output %d, %q, is none that this package gives", i, name)
			}
			im.values[name] = value{}
			continue
		}
		im.values[name] = out[i]
		if f := out[i].e; f != nil && im.names[f.e] == "" {
			im.names[f.e] = im.at
		}
	}
	return nil
}

// values reads a node as a part of a network, or as formulas. With formulas there is an
// error, too.
func (c *call) values() ([]value, error) {
	if d := c.n.GetDomain(); d != "" && d != "ai.onnx" {
		return nil, refuse("an operator of the domain %q, not of ONNX itself", d)
	}
	if out, ok, err := c.rows(false); ok {
		return out, err
	}
	op := c.n.GetOpType()
	onlyFormulas := false
	for i, v := range c.in {
		if v.k == nil && v.v == nil && c.n.Input[i] != "" && !isCondition(c.n, i) {
			onlyFormulas = true
			if v.e != nil && (op == "Shape" || op == "Size") { // of it the sizes count
				c.in[i] = value{k: scalar(known(0)).expanded(v.e.sizes)}
				onlyFormulas = false
			}
		}
	}
	var out []value
	err := error(errFormula)
	if !onlyFormulas {
		if out, err = c.operator(); err != nil && c.im.join {
			any, second := c.powers()
			if second != nil {
				err = second
			} else if any {
				out, err = c.operator()
			}
		}
		if err == nil {
			if slices.ContainsFunc(c.in, func(v value) bool { return v.e != nil || v.v != nil && v.v.node != nil }) {
				// A step may be one of those of an unrolled layer, too.
				if list, err := c.readFormulas(); err == nil {
					for i := range out {
						if i < len(list) && out[i].v != nil {
							out[i].e = list[i]
						}
					}
				}
			}
			return out, nil
		}
	}
	if r := refusal(""); !onlyFormulas && errors.As(err, &r) {
		if out, ok, second := c.rows(true); ok && second == nil {
			return out, nil
		}
	}
	if v, ok := c.stacked(); ok {
		return one(v), nil
	}
	if v, err := c.distributed(); v != nil || err != nil {
		return one(v), err
	}
	list, second := c.readFormulas()
	if second == errFormulas {
		return nil, second
	}
	if second != nil {
		if err == errFormula && (op == "Where" || slices.ContainsFunc(c.in, func(v value) bool { return v.v != nil && v.v.test != noTest })) {
			err = errMask
		}
		return nil, err
	}
	out = nil
	for _, f := range list {
		out = append(out, value{e: f})
	}
	return out, err
}
