package nn

import "github.com/simdrnn/simdrnn/internal/nilcheck"

// shaped is a Net that knows the shapes of its parameters, as an Unrolled does.
type shaped interface {
	EachShape(f func(name string, shape ...int))
}

// Shapes returns the shapes of the parameters of net by their names. That of a parameter
// is one number, its elements, where the net does not say more: see EachShape of Model
// and of an Unrolled. It panics if net is nil.
func Shapes(net Net) map[string][]int {
	if nilcheck.IsNil(net) {
		panic("nn: Shapes of a nil net")
	}
	shapes := map[string][]int{}
	net.EachParam(func(name string, w, _ []float32) {
		if _, twice := shapes[name]; !twice {
			shapes[name] = []int{len(w)}
		}
	})
	if s, ok := net.(shaped); ok {
		s.EachShape(func(name string, shape ...int) {
			elements := 1
			for _, n := range shape {
				elements *= n
			}
			if have, ok := shapes[name]; ok && len(have) == 1 && have[0] == elements {
				shapes[name] = append([]int(nil), shape...)
			}
		})
	}
	return shapes
}
