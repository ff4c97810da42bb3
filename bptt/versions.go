package bptt

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

const module = "github.com/simdrnn/simdrnn"

// versions are those of the program and of this module, as it was built. known says whether
// two builds that have the same are of the same source.
func versions() (program, library string, known bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionsOf(info)
}

// versionsOf are those that a build has. It has no known version of a module in a folder
// with changes, or of which the go command has not asked the version control system, and
// of a module that a folder replaces. The folders of this repository are one source.
func versionsOf(info *debug.BuildInfo) (program, library string, known bool) {
	library = fmt.Sprintf("with checkpoints of version %d", checkpointVersion)
	program = strings.TrimSpace(info.Main.Path + " " + info.Main.Version)
	if program == "" {
		return "of an unknown version", library, false
	}
	revision, modified := "", false
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			program += " " + s.Value
		}
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			modified = s.Value != "false"
		}
	}
	known = !modified && (revision != "" || released(info.Main.Version))
	for _, m := range info.Deps {
		if m.Path != module {
			continue
		}
		library = m.Version + " " + library
		version := m.Version
		if m.Replace != nil {
			version = m.Replace.Version
			library = version + " in place of " + library
		}
		within := strings.HasPrefix(info.Main.Path, module+"/")
		known = known && (released(version) || within)
	}
	return program, library, known
}

// released says whether a version is that of one source.
func released(version string) bool {
	return version != "" && version != "(devel)" && !strings.HasSuffix(version, "+dirty")
}

// executable says which file this program is.
var executable = sync.OnceValues(func() (string, error) { return fileOf(openSelf) })

// fileOf says which file open opens, or that ranks cannot be compared by it: two programs
// that cannot be read are not one.
func fileOf(open func() (*os.File, error)) (string, error) {
	f, err := open()
	if err == nil {
		defer f.Close()
		h := sha256.New()
		if _, err = io.Copy(h, f); err == nil {
			return fmt.Sprintf("a program with the SHA-256 %x", h.Sum(nil)), nil
		}
	}
	return "", fmt.Errorf("bptt: this program has no version that says what its source was, and its file, by which ranks are compared instead, cannot be read: %w; build it from a commit without changes, or let the ranks read it", err)
}

// openSelf opens the file of this program. On Linux it is the one that runs, if another one
// has taken its place too.
func openSelf() (*os.File, error) {
	if runtime.GOOS == "linux" {
		if f, err := os.Open("/proc/self/exe"); err == nil {
			return f, nil
		}
	}
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}
