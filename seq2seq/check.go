package seq2seq

import (
	"fmt"

	"github.com/simdrnn/simdrnn/internal/nilcheck"
)

const maxElements = 1<<31 - 1

// bounded says whether a product of three sizes is at most maxElements.
func bounded(a, b, c int) bool {
	return a == 0 || b == 0 || c == 0 || a <= maxElements/b && a*b <= maxElements/c
}

func noState(s [][]float32) error {
	if len(s) > 0 {
		return fmt.Errorf("seq2seq: a state of %d tensors, want none", len(s))
	}
	return nil
}

// stepsOf returns T of n elements, [T][batch][width]. It panics if there is none.
func stepsOf(what string, n, batch, width int) int {
	row := batch * width
	if row == 0 {
		mustHave(what, n, 0)
		return 0
	}
	if n%row != 0 {
		panic(fmt.Sprintf("seq2seq: %s has %d elements, want a multiple of %d, %d rows of width %d", what, n, row, batch, width))
	}
	return n / row
}

func mustHave(what string, n, want int) {
	if n != want {
		panic(fmt.Sprintf("seq2seq: %s has %d elements, want %d", what, n, want))
	}
}

// checkSteps returns an error if there are more than most steps, or if there is not one
// length for each row, each of 0 to steps. nil stands for steps of all rows.
func checkSteps(what string, steps, most, batch int, lengths []int) error {
	if steps > most {
		return fmt.Errorf("seq2seq: %d steps of the %s, want 0 to %d; unroll more steps or cut the sequences", steps, what, most)
	}
	if lengths == nil {
		return nil
	}
	if len(lengths) != batch {
		return fmt.Errorf("seq2seq: %d lengths of the %s for %d rows, want one for each row", len(lengths), what, batch)
	}
	for b, n := range lengths {
		if n < 0 || n > steps {
			return fmt.Errorf("seq2seq: length %d of the %s of row %d, want 0 to %d", n, what, b, steps)
		}
	}
	return nil
}

// missing returns an error if v is nil.
func missing(what string, v any) error {
	if nilcheck.IsNil(v) {
		return fmt.Errorf("seq2seq: no %s", what)
	}
	return nil
}
