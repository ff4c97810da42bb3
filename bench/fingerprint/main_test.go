package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/kernels"
)

var update = flag.Bool("update", false, "rewrite golden.txt from the scalar tier")

// TestGolden is the program on this machine. A difference is a broken promise,
// not a golden number to renew; -update is for a change of the models.
func TestGolden(t *testing.T) {
	if *update {
		before := kernels.Current()
		if err := kernels.Use(kernels.Scalar); err != nil {
			t.Fatal(err)
		}
		golden = ""
		for _, f := range families {
			p, err := train(f, 1)
			if err != nil {
				t.Fatal(err)
			}
			golden += f.name + " " + strings.Join(p[:], " ") + "\n"
		}
		if err := os.WriteFile("golden.txt", []byte(golden), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := kernels.Use(before); err != nil {
			t.Fatal(err)
		}
	}
	var w strings.Builder
	if status := check(&w, golden, workers(testing.Short()), false); status != 0 {
		t.Errorf("status %d\n%s", status, w.String())
	}
}

func TestDifferenceIsToldAndFails(t *testing.T) {
	all, err := parse(golden)
	if err != nil {
		t.Fatal(err)
	}
	wrong := all["gru-reset-after"][1]
	var w strings.Builder
	if status := check(&w, strings.Replace(golden, wrong, strings.Repeat("0", 64), 1), []int{1}, false); status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	for _, s := range []string{"DIFFERENT: gradients\n", "FAILED: "} {
		if !strings.Contains(w.String(), s) {
			t.Errorf("missing %q in\n%s", s, w.String())
		}
	}
	for _, text := range []string{"", "lstm 1 2\n", golden + "other 1 2 3\n"} {
		if status := check(&w, text, []int{1}, false); status != 2 {
			t.Errorf("golden values %q: status %d, want 2", text, status)
		}
	}
}
