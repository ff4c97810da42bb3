package onnx

// x*x and x*x*x, or Pow of x by 2 and 3, are parts of GELUs and of layer norms. Where they are no part
// of such they are products of branches, as those of different nodes are.

// A powerKey is what a power is of, and which one it is.
type powerKey struct {
	of   *node
	part string
}

// power returns the node of a square or of a cube that is no part of a layer; nil for other nodes, and
// while cells may be left to be found.
func (im *importer) power(n *node) (*node, error) {
	if !im.join || n.part == nil || n.part.part != "square" && n.part.part != "cube" {
		return nil, nil
	}
	key := powerKey{n.part.of, n.part.part}
	if had := im.powers[key]; had != nil {
		return had, nil
	}
	first := n.part.of
	if key.part == "cube" {
		var err error
		if first, err = im.power(im.partOf(n.part.of, "square", n.width, 0)); err != nil {
			return nil, err
		}
	}
	out, err := im.joined(first, n.part.of, true)
	if err != nil {
		return nil, err
	}
	if im.powers == nil {
		im.powers = map[powerKey]*node{}
	}
	im.powers[key] = out
	return out, nil
}

// powers makes the inputs of a node that are squares or cubes what layers can read, and says whether
// there are such.
func (c *call) powers() (any bool, err error) {
	for i, v := range c.in {
		if v.v == nil || v.v.node == nil {
			continue
		}
		n, err := c.im.power(v.v.node)
		if err != nil {
			return false, err
		}
		if n != nil {
			w := *v.v
			w.node, c.in[i].v, any = n, &w, true
		}
	}
	return any, nil
}
