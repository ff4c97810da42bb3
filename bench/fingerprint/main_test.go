package main

import (
	"strings"
	"testing"
)

// The check itself has its tests in package fingerprint; this is the program around it.
func TestProgram(t *testing.T) {
	var out strings.Builder
	for _, args := range [][]string{{"-nothing"}, {"argument"}} {
		if status := run(args, &out, &out); status != 2 {
			t.Errorf("%v: status %d, want 2", args, status)
		}
	}
	if testing.Short() {
		return
	}
	out.Reset()
	if status := run([]string{"-short"}, &out, &out); status != 0 {
		t.Errorf("status %d, want 0", status)
	}
	for _, part := range []string{", tiers [scalar", "tier    workers model ", "language-model ", "\nok: all "} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("there is no %q in\n%s", part, &out)
		}
	}
}
