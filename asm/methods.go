package main

import (
	"fmt"
	"slices"
	"strings"
)

// families are the kernels of the catalog by the stem of their file.
func families() map[string][]Kernel {
	list := map[string][]Kernel{}
	for _, k := range Catalog {
		list[k.File] = append(list[k.File], k)
	}
	return list
}

// methods is what package kernels exports of a family: for each kernel the method
// of ISA, which checks the arguments before anything is written, and the function
// of the same name on the current tier.
func methods(kernels []Kernel) []byte {
	var s source
	s.header("", "kernels")
	if slices.ContainsFunc(kernels, func(k Kernel) bool { return k.lanes() != "" }) {
		s.line("import %q\n", "github.com/simdrnn/simdrnn/kernels/ref")
	}
	for _, k := range kernels {
		if !k.ByHand {
			s.method(k)
		}
	}
	return s.Bytes()
}

// method is the method and the function of one kernel.
func (s *source) method(k Kernel) {
	args := strings.Join(k.arguments(), ", ")
	s.doc(k.Doc)
	s.line("func (t ISA) %s(%s) {\nt.need()", k.Name, k.goArgs())
	if k.onRows() {
		// checkMat is a call for each operand. For one row these calls would take longer than
		// some of the kernels do.
		s.line("if rows != 1 || units < 0 || !(%s.holds(units)) {", strings.Join(k.arguments(), ".holds(units) && "))
		for _, a := range k.arguments() {
			s.line("checkMat(%q, %q, rows, units, %s)", k.Name, a, a)
		}
		s.line("}")
		args = "rows, units, " + args
	}
	if want := k.lanes(); want != "" {
		s.line("laneCount(%q, %s, len(lanes))", k.Name, want)
	}
	if all := k.slices(); len(all) > 0 {
		for _, a := range all[1:] {
			s.line("same(%q, %q, len(%s), %q, len(%s))", k.Name, all[0], all[0], a, a)
		}
	}
	if k.Above0 != "" {
		s.line("above0(%q, %q, %s)", k.Name, k.Above0, k.Above0)
	}
	s.line("%s(t, %s)\n}\n", lowerCamel(k.Name), args)
	s.doc(fmt.Sprintf("%s is [ISA.%s] on the current tier.", k.Name, k.Name))
	s.line("func %s(%s) { Current().%s(%s) }\n", k.Name, k.goArgs(), k.Name, args)
}

// lanes is how many lanes the slice of that name has to have, in the words of
// package kernels, empty for a kernel without lanes.
func (k Kernel) lanes() string {
	switch {
	case strings.HasPrefix(k.Args, "lanes []float64,"):
		return "ref.Lanes64"
	case strings.HasPrefix(k.Args, "lanes"):
		return "ref.Lanes"
	}
	return ""
}

// ofCatalog says whether k is an element kernel or a reduction.
func (k Kernel) ofCatalog() bool {
	return slices.ContainsFunc(Catalog, func(c Kernel) bool { return c.Name == k.Name })
}
