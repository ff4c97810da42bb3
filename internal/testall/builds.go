package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// environment is this process', with each module standing for itself and not for
// a workspace that a developer may have around it.
func environment(extra ...string) []string {
	return append(append(os.Environ(), "GOWORK=off"), extra...)
}

// Other builds, and what they are called in the table.
const (
	fused = "GOAMD64=v3"
	wasm  = "GOARCH=wasm"
)

// fingerprints returns the runs of the fingerprint tests of pkgs in the other
// builds, and notes those that this machine cannot run.
func fingerprints(ctx context.Context, r *results, root string, pkgs []string) (list []testRun) {
	args := append([]string{"-run=^TestFingerprint"}, pkgs...)
	if why := cannotFuse(ctx, root); why != "" {
		r.note(fused, why)
	} else {
		list = append(list, testRun{root, fused, environment(fused), args, len(pkgs)})
	}
	if wrapper, why := wasmWrapper(ctx); why != "" {
		r.note(wasm, why)
	} else {
		list = append(list, testRun{root, wasm, wasmEnvironment(), append([]string{"-exec=" + wrapper}, args...), len(pkgs)})
	}
	return list
}

// cannotFuse says why a program built with GOAMD64=v3 does not start here, by
// starting this one; empty means that it does.
func cannotFuse(ctx context.Context, root string) string {
	if runtime.GOARCH != "amd64" {
		return "this CPU is " + runtime.GOARCH
	}
	dir, err := os.MkdirTemp("", "testall")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(dir)
	exe := filepath.Join(dir, "probe.exe")
	build := exec.CommandContext(ctx, "go", "build", "-o", exe, "./internal/testall")
	build.Dir, build.Env = root, environment(fused)
	if out, err := build.CombinedOutput(); err != nil {
		return "building a probe: " + strings.TrimSpace(string(out))
	}
	if out, err := exec.CommandContext(ctx, exe, "-h").CombinedOutput(); bytes.Contains(out, []byte("can only be run on")) {
		return strings.TrimSpace(string(out))
	} else if err != nil && !bytes.Contains(out, []byte("usage:")) {
		return "starting a probe: " + err.Error()
	}
	return ""
}

// wasmWrapper returns the program that runs a wasm binary under node.
func wasmWrapper(ctx context.Context) (file, why string) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", "no node on the PATH"
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", "go env GOROOT: " + err.Error()
	}
	file = filepath.Join(strings.TrimSpace(string(out)), "lib", "wasm", "go_js_wasm_exec")
	if _, err := os.Stat(file); err != nil {
		return "", "the Go installation lacks lib/wasm/go_js_wasm_exec"
	}
	if runtime.GOOS == "windows" {
		return "", "go_js_wasm_exec is a shell script"
	}
	return file, ""
}

// wasmEnvironment keeps what the go command needs: a wasm program is given its
// environment in a few kilobytes and does not start when there is more.
func wasmEnvironment() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name == "PATH" || name == "HOME" || name == "TMPDIR" || name == "XDG_CACHE_HOME" || strings.HasPrefix(name, "GO") {
			env = append(env, kv)
		}
	}
	return append(env, "GOWORK=off", "GOOS=js", "GOARCH=wasm")
}
