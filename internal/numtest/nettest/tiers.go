package nettest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

// structural are the fields of a Config that are no variant of a cell: every
// variant is tested with several values of each.
var structural = []string{"Input", "Hidden", "Layers", "Bidirectional", "Reverse", "Merge", "NoBias", "Workers"}

// Tiers lists the variants of a kind of layer, the plain one first, with the tiers
// that each ran on, forward and back, with the masks of training and without. All
// tiers have the bits of the first, and no variant lacks a tier that the machine
// has. A field of Config that no variant sets is an error, so the list is all that
// there is to list. (That a tier is not served by Go code is shown by
// internal/archtest.)
func Tiers(t *testing.T, kinds ...Kind) {
	var unset []string // fields of Config that no variant has changed so far
	var plain reflect.Value
	for i, k := range kinds {
		cfg := Config{Input: 5, Hidden: 19, Layers: 2}
		p := newProblem(t, k, uint64(i), cfg, 5, 7, true)
		config := reflect.ValueOf(p.net.Settings())
		if i == 0 {
			plain = config
			for f := range config.NumField() {
				if name := config.Type().Field(f).Name; !slices.Contains(structural, name) {
					unset = append(unset, name)
				}
			}
		}
		unset = slices.DeleteFunc(unset, func(name string) bool {
			return config.FieldByName(name).Interface() != plain.FieldByName(name).Interface()
		})
		name := k.Variant
		if name == "" {
			name = "plain"
		}
		var tiers []kernels.ISA
		want := map[bool]*result{}
		t.Run(name, func(t *testing.T) {
			numtest.EveryTier(t, func(t *testing.T, isa kernels.ISA) {
				for _, p.evaluate = range []bool{false, true} {
					got := p.run(t, p.net.Unroll(p.T, p.B))
					if want[p.evaluate] == nil {
						want[p.evaluate] = got
					}
					same(t, p.String(), got, want[p.evaluate])
				}
				if !t.Failed() {
					tiers = append(tiers, isa)
					numtest.RanVariant(name, isa)
				}
			})
			if !slices.Equal(tiers, kernels.Available()) {
				t.Errorf("%s ran on %v, this machine has %v", name, tiers, kernels.Available())
			}
		})
		t.Logf("%-32s %v", name, tiers)
	}
	if len(unset) > 0 {
		t.Errorf("no variant sets Config.%s", strings.Join(unset, ", Config."))
	}
}
