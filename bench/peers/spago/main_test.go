package main

import (
	"testing"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
)

// Every layer runs forward and backward, twice, for a batch.
func TestCalls(t *testing.T) {
	for _, op := range []string{"lstm-train", "gru-train", "rnn-train", "lstm-infer", "gru-infer", "rnn-infer"} {
		s, err := driver.ParseSettings("op=" + op + " T=3 B=2 I=5 H=4 threads=1")
		if err != nil {
			t.Fatal(err)
		}
		call, err := setup(s)
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		call()
		call()
	}
}

func TestUnsupported(t *testing.T) {
	for _, op := range []string{"gemm", "lm-adam", "lstm-step", "tree-train"} {
		s, err := driver.ParseSettings("op=" + op + " T=3 B=2 I=5 H=4 threads=1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := setup(s); err == nil {
			t.Errorf("%s is supported", op)
		}
	}
}
