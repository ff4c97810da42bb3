package nettest

import (
	"reflect"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// Pairs holds any two variants together to the contract, both passes, with masks and
// without: where the parts of a variant lie in memory depends on which others there
// are. config is that of a variant, together the kind of a config with what two have,
// which is false if there is none.
func Pairs[C any](t *testing.T, variants []Kind, config func(k Kind) C, together func(name string, c C) (k Kind, ok bool)) {
	for i, a := range variants {
		for _, b := range variants[:i] {
			c := config(a)
			to, from := reflect.ValueOf(&c).Elem(), reflect.ValueOf(config(b))
			for f := range to.NumField() {
				if to.Field(f).IsZero() {
					to.Field(f).Set(from.Field(f))
				}
			}
			k, ok := together(a.Variant+" and "+b.Variant, c)
			if !ok {
				continue
			}
			p := newProblem(t, k, uint64(i), Config{Input: 3, Hidden: 5, Bidirectional: true, Layers: 2}, 4, 5, true)
			for _, p.evaluate = range []bool{false, true} {
				want := p.naive()
				numtest.EachTier(t, func(t *testing.T, _ kernels.ISA) {
					same(t, p.String(), p.run(t, p.net.Unroll(p.T, p.B)), want)
				})
			}
		}
	}
}
