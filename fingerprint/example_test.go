package fingerprint_test

import (
	"context"
	"fmt"

	"github.com/simdrnn/simdrnn/fingerprint"
)

// A program that has to get the same numbers on every machine looks first.
func Example() {
	different, err := fingerprint.Check(context.Background(), []int{1}, func(fingerprint.Row) error { return nil })
	fmt.Println(different, err)
	// Output: 0 <nil>
}

func ExampleRow() {
	row := fingerprint.Row{Workers: 3, Model: "lstm", Got: fingerprint.Prints{Parameters: "aba3", Gradients: "6832", Outputs: "c93c"}, Want: fingerprint.Prints{Parameters: "aba3", Gradients: "ffff", Outputs: "c93c"}}
	fmt.Println(row.Line(4))
	// Output: scalar  3       lstm                    aba3 6832 c93c DIFFERENT: gradients
}

func ExamplePrints() {
	a := fingerprint.Prints{Parameters: "aba3", Gradients: "6832", Outputs: "c93c"}
	b := a
	b.Outputs = "0000"
	fmt.Println(a.Different(b))
	// Output: outputs
}
