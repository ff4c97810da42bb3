package op

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed shapes.txt
var shapes string

// All returns the shapes of shapes.txt.
func All() ([]Shape, error) { return Parse(shapes) }

// Parse reads a list of shapes. A line is the name of a list, that of an
// operation, and the operation's sizes as name=number; a # begins a comment. A
// shape that is in several lists comes once, at its first place.
func Parse(text string) ([]Shape, error) {
	var all []Shape
	at := map[string]int{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s, err := parseShape(words)
		if err != nil {
			return nil, fmt.Errorf("shapes, line %d: %w", n, err)
		}
		i, ok := at[s.String()]
		if !ok {
			at[s.String()] = len(all)
			all = append(all, s)
			continue
		}
		if all[i].In(s.Sets[0]) {
			return nil, fmt.Errorf("shapes, line %d: %s is in the list %s already", n, s, s.Sets[0])
		}
		all[i].Sets = append(all[i].Sets, s.Sets[0])
	}
	return all, nil
}

func parseShape(words []string) (s Shape, err error) {
	if len(words) < 2 {
		return s, fmt.Errorf("%q, want a list, an operation and its sizes", strings.Join(words, " "))
	}
	s.Sets = words[:1]
	if s.Op, err = Find(words[1]); err != nil {
		return s, err
	}
	sizes := words[2:]
	if len(sizes) != len(s.Op.Dims) {
		return s, fmt.Errorf("%s has the sizes %s, not %s", s.Op.Name, strings.Join(s.Op.Dims, " "), strings.Join(sizes, " "))
	}
	for i, word := range sizes {
		name, value, _ := strings.Cut(word, "=")
		v, err := strconv.Atoi(value)
		if name != s.Op.Dims[i] || err != nil || v < 1 {
			return s, fmt.Errorf("size %q of %s, want %s=number", word, s.Op.Name, s.Op.Dims[i])
		}
		s.Dims = append(s.Dims, v)
	}
	return s, nil
}

// Select returns the shapes of a list, or of all lists but quick if list is "",
// whose name with that of one of their lists in front, as in
// train/lstm-train/T=25,B=16,I=512,H=512, matches only; nil matches all. Each is
// then in the lists that it was chosen from.
func Select(all []Shape, list string, only *regexp.Regexp) []Shape {
	var chosen []Shape
	for _, s := range all {
		var sets []string
		for _, set := range s.Sets {
			wanted := set == list || list == "" && set != "quick"
			if wanted && (only == nil || only.MatchString(set+"/"+s.String())) {
				sets = append(sets, set)
			}
		}
		if s.Sets = sets; len(sets) > 0 {
			chosen = append(chosen, s)
		}
	}
	return chosen
}
