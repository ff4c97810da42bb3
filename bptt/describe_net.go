package bptt

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/simdrnn/simdrnn/kernels"
	"github.com/simdrnn/simdrnn/nn"
)

// netSettings appends a line for each setting of a net with a name that is no parameter: probabilities,
// limits, activations. They lie in the nets and stages that it is made of, in fields that no
// other package sees. A number, a truth or a string is a setting where its field is exported,
// in types of any package, and where a type of this module has nothing else but weights, as
// nn.Activation and nn.Embedding. What else is not exported changes while a net works.
func netSettings(lines []string, name string, net nn.Net) []string {
	w := netWalk{lines: lines, seen: map[uintptr]bool{}}
	w.value(name, reflect.ValueOf(net), 0)
	return w.lines
}

type netWalk struct {
	lines []string
	seen  map[uintptr]bool // pointers
}

func (w *netWalk) value(name string, v reflect.Value, depth int) {
	if depth > 32 {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			w.value(name, v.Elem(), depth+1)
		}
	case reflect.Pointer:
		if !v.IsNil() && !w.seen[v.Pointer()] {
			w.seen[v.Pointer()] = true
			w.value(name, v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Struct:
			w.typed(name, v.Type()) // nn.Residual and nn.Parallel have the same parts
			for i := range v.Len() {
				w.value(fmt.Sprintf("%s[%d]", name, i), v.Index(i), depth+1)
			}
		}
	case reflect.Struct:
		w.fields(name, v, depth)
	}
}

func (w *netWalk) fields(name string, v reflect.Value, depth int) {
	t := v.Type()
	if !described(t) {
		return
	}
	w.typed(name, t)
	if t == reflect.TypeFor[nn.Model]() { // what it has bound follows from the stages
		w.value(name+".stages", v.FieldByName("stages"), depth+1)
		return
	}
	all := settingsOnly(t)
	for i := range t.NumField() {
		f := t.Field(i)
		at := name + "." + f.Name
		switch {
		case !scalar(f.Type) && !(all && plain(f.Type) && !described(f.Type)):
			w.value(at, v.Field(i), depth+1)
		case (f.IsExported() || all) && f.Name != "Workers" && f.Type != reflect.TypeFor[kernels.ISA]():
			w.lines = append(w.lines, fmt.Sprintf("%s = %v", at, v.Field(i)))
		}
	}
}

// typed appends a line for a type with a name.
func (w *netWalk) typed(name string, t reflect.Type) {
	if t.Name() != "" {
		w.lines = append(w.lines, fmt.Sprintf("%s of the type %v", name, t))
	}
}

// described says whether a type may have settings: not those of the standard library, and not
// those that say how this module computes.
func described(t reflect.Type) bool {
	path := t.PkgPath()
	first, _, _ := strings.Cut(path, "/")
	switch {
	case path == "": // a type without a name
		return true
	case strings.HasPrefix(path, module+"/"):
		return !strings.HasPrefix(path, module+"/internal/") && path != module+"/kernels"
	}
	return first == "main" || strings.Contains(first, ".")
}

// settingsOnly says whether a type of this module has settings and weights alone.
func settingsOnly(t reflect.Type) bool {
	if !strings.HasPrefix(t.PkgPath(), module+"/") || t.Name() == "" || t.Name()[0] < 'A' || t.Name()[0] > 'Z' {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i).Type
		weights := f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Float32
		if !plain(f) && !weights && f.Kind() != reflect.Pointer {
			return false
		}
	}
	return true
}

// plain says whether a type is a scalar, or a struct of nothing else.
func plain(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return scalar(t)
	}
	for i := range t.NumField() {
		if !plain(t.Field(i).Type) {
			return false
		}
	}
	return true
}

// scalar says whether values of a type are numbers, truths or strings.
func scalar(t reflect.Type) bool {
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr || t.Kind() == reflect.String
}
