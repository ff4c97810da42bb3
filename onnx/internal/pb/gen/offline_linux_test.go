package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The go:generate line of package pb writes the committed code on a machine that has no
// network: in a namespace without one, by modules of the cache alone.
func TestGenerateNeedsNoNetwork(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"doc.go", schema, "gen/main.go", "gen/go.mod", "gen/go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "generate", "doc.go")
	c.Dir, c.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "GOTOOLCHAIN=local")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
	}
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EACCES) {
			if os.Getenv("SIMDRNN_REQUIRE_NAMESPACES") != "" || os.Getenv("SIMDRNN_REQUIRE_ISA") != "" {
				t.Fatalf("SIMDRNN_REQUIRE_NAMESPACES or SIMDRNN_REQUIRE_ISA demands that nothing is left out; this system gives no namespace without a network: %v", err)
			}
			t.Skipf("NOT EXERCISED: this system gives no namespace without a network (%v)", err)
		}
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("go generate without a network: %v\n%s", err, &said)
	}
	got, err := os.ReadFile(filepath.Join(dir, written))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", written))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("go generate without a network wrote %d bytes that are not the %d committed ones", len(got), len(want))
	}
}
