package bptt_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(trainInto); dir != "" {
		if err := trainUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(numtest.Main(m))
}
