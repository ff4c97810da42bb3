package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The committed code is that of the committed schema.
func TestGeneratedCodeIsThatOfTheSchema(t *testing.T) {
	want, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", written))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, generation gives %d others: run go generate ./internal/pb in the module onnx", written, len(got), len(want))
	}
}
