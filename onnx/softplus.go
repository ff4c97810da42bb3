package onnx

import "github.com/simdrnn/simdrnn/nn"

// PyTorch's new exporter writes a softplus with the threshold from which on it is taken to be its
// argument:
//
//	Where(x > 20, x, Softplus(x))
//
// log(1+e^x) is x in float32 from 17 on, so both are the same where the threshold is above that.
const leastThreshold = 17

// readGreater compares sizes, or what a layer gives with the threshold of a softplus.
func readGreater(c *call) ([]value, error) {
	if c.has(0) && c.has(1) && c.in[0].v != nil && c.in[1].k != nil && c.in[1].k.float {
		v, err := c.view(0)
		if err != nil {
			return nil, err
		}
		if x, ok := c.in[1].k.one(); ok && x >= leastThreshold && v.node.part == nil && v.node.width > 0 && v.holds(c.in[1].k) == nil {
			return one(c.im.ofGELU(v, "beyond")), nil
		}
	}
	return folded2(greater)(c)
}

// softplus is the softplus of x where a Where chooses between the two; nil for others.
func (c *call) softplus() []value {
	if !c.has(0) || !c.has(1) || !c.has(2) || !c.in[0].v.is("beyond") || c.in[1].v == nil || c.in[2].v == nil {
		return nil
	}
	x, err := c.im.vectors(c.in[1].v)
	if err != nil {
		return nil
	}
	which, y := c.in[0].v, c.in[2].v
	if which.node.part.of != x.node || !sameElements(which, x) || y.node == nil || y.node.parent != x.node || y.node.stage != nn.Stage(nn.Softplus) || !sameElements(y, x) {
		return nil
	}
	return one(y)
}
