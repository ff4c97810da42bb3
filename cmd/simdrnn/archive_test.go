package main

import (
	"archive/zip"
	"bytes"
	"testing"
)

// zipped is a zip archive with one member.
func zipped(t *testing.T, member string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(member)
	if err == nil {
		_, err = w.Write([]byte("x"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytesTo(t, "model", b.Bytes())
}
