package fingerprint

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
	"github.com/simdrnn/simdrnn/kernels"
)

func TestMain(m *testing.M) { os.Exit(numtest.Main(m)) }

var update = flag.Bool("update", false, "rewrite golden.txt from the scalar tier")

// TestGolden is the check on this machine. A difference is a broken promise,
// not a golden number to renew; -update is for a change of the models.
func TestGolden(t *testing.T) {
	if *update {
		before := kernels.Current()
		if err := kernels.Use(kernels.Scalar); err != nil {
			t.Fatal(err)
		}
		golden = ""
		for _, f := range families {
			p, err := train(context.Background(), f, 1)
			if err != nil {
				t.Fatal(err)
			}
			golden += f.name + " " + p.Parameters + " " + p.Gradients + " " + p.Outputs + "\n"
		}
		if err := os.WriteFile("golden.txt", []byte(golden), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := kernels.Use(before); err != nil {
			t.Fatal(err)
		}
	}
	workers := []int{1, 3, 8}
	if testing.Short() {
		workers = []int{2}
	}
	before, rows := kernels.Current(), 0
	different, err := Check(context.Background(), workers, func(r Row) error {
		rows++
		if line := r.Line(16); !strings.HasSuffix(line, " equal") {
			t.Error(line)
		}
		numtest.Ran(r.ISA)
		return nil
	})
	if err != nil || different != 0 {
		t.Errorf("%d rows differ, %v", different, err)
	}
	if rows != Rows(workers) || kernels.Current() != before {
		t.Errorf("%d rows, want %d; the tier is %v, and was %v", rows, Rows(workers), kernels.Current(), before)
	}
}

func TestDifferenceIsTold(t *testing.T) {
	all, err := parse(golden)
	if err != nil {
		t.Fatal(err)
	}
	before := kernels.Current()
	if err := kernels.Use(kernels.Scalar); err != nil {
		t.Fatal(err)
	}
	defer kernels.Use(before)
	wrong := strings.Replace(golden, all["gru-reset-after"].Gradients, strings.Repeat("0", 64), 1)
	rows := 0
	different, err := check(context.Background(), wrong, []int{1}, func(r Row) error {
		rows++
		if bad := strings.HasSuffix(r.Line(8), " DIFFERENT: gradients"); bad != (r.Model == "gru-reset-after") {
			t.Error(r.Line(8))
		}
		return nil
	})
	if tiers := len(kernels.Info().Available); err != nil || different != tiers || rows != tiers*len(families) {
		t.Errorf("%d of %d rows differ, want one a tier, all in sight; %v", different, rows, err)
	}
	if kernels.Current() != kernels.Scalar {
		t.Errorf("the tier is %v after the check, and was scalar", kernels.Current())
	}
	for _, text := range []string{"", "lstm 1 2\n", golden + "other 1 2 3\n", strings.Replace(golden, "lstm ", "LSTM ", 1)} {
		if _, err := check(context.Background(), text, []int{1}, nil); err == nil || !strings.Contains(err.Error(), "golden values") {
			t.Errorf("golden values %.40q: %v", text, err)
		}
	}
	if got := (Prints{"a", "b", "c"}).Different(Prints{"x", "b", "y"}); got != "parameters, outputs" {
		t.Error(got)
	}
}

func TestCheckStops(t *testing.T) {
	before := kernels.Current()
	ctx, cancel := context.WithCancel(context.Background())
	rows, mine := 0, errors.New("enough")
	_, err := Check(ctx, []int{1}, func(Row) error { rows++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || rows != 1 {
		t.Errorf("%v after %d rows", err, rows)
	}
	if _, err := Check(context.Background(), []int{1}, func(Row) error { return mine }); err != mine {
		t.Errorf("%v, want the error of each", err)
	}
	for _, n := range []int{0, -1, 257} {
		if _, err := Check(context.Background(), []int{1, n}, nil); err == nil || !strings.Contains(err.Error(), fmt.Sprint(n)) {
			t.Errorf("%d workers: %v", n, err)
		}
	}
	if kernels.Current() != before {
		t.Errorf("the tier is %v, and was %v", kernels.Current(), before)
	}
}
