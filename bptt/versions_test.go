package bptt

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVersions: which builds have a version that says what their source was.
func TestVersions(t *testing.T) {
	const end = "with checkpoints of version "
	vcs := func(revision, modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	deps := func(version string, replace *debug.Module) []*debug.Module {
		return []*debug.Module{{Path: "example.org/other", Version: "v9.9.9"}, {Path: module, Version: version, Replace: replace}}
	}
	for name, c := range map[string]struct {
		info             debug.BuildInfo
		program, library string
		known            bool
	}{
		"nothing":                   {debug.BuildInfo{}, "of an unknown version", end, false},
		"installed":                 {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "v1.2.3"}, Deps: deps("v1.0.0", nil)}, "a v1.2.3", "v1.0.0 " + end, true},
		"a commit":                  {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "(devel)"}, Settings: vcs("abc", "false"), Deps: deps("v1.0.0", nil)}, "a (devel) abc false", "v1.0.0 " + end, true},
		"changes":                   {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "(devel)"}, Settings: vcs("abc", "true"), Deps: deps("v1.0.0", nil)}, "a (devel) abc true", "v1.0.0 " + end, false},
		"changes in the version":    {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "v0.0.0-1-abc+dirty"}, Deps: deps("v1.0.0", nil)}, "a v0.0.0-1-abc+dirty", "v1.0.0 " + end, false},
		"-buildvcs=false":           {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "(devel)"}, Deps: deps("v1.0.0", nil)}, "a (devel)", "v1.0.0 " + end, false},
		"a folder for the library":  {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "v1.2.3"}, Deps: deps("v1.0.0", &debug.Module{Path: "../b", Version: "(devel)"})}, "a v1.2.3", "(devel) in place of v1.0.0 " + end, false},
		"a workspace":               {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "v1.2.3"}, Deps: deps("(devel)", nil)}, "a v1.2.3", "(devel) " + end, false},
		"another library":           {debug.BuildInfo{Main: debug.Module{Path: "a", Version: "v1.2.3"}, Deps: deps("v1.0.0", &debug.Module{Path: "example.org/b", Version: "v1.0.1"})}, "a v1.2.3", "v1.0.1 in place of v1.0.0 " + end, true},
		"a module of this source":   {debug.BuildInfo{Main: debug.Module{Path: module + "/examples", Version: "(devel)"}, Settings: vcs("abc", "false"), Deps: deps("v0.0.0", &debug.Module{Path: ".."})}, module + "/examples (devel) abc false", " in place of v0.0.0 " + end, true},
		"this module":               {debug.BuildInfo{Main: debug.Module{Path: module, Version: "v1.0.0"}}, module + " v1.0.0", end, true},
		"this module, with changes": {debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}, Settings: vcs("abc", "true")}, module + " (devel) abc true", end, false},
	} {
		program, library, known := versionsOf(&c.info)
		require.Equal(t, c.program, program, name)
		require.Equal(t, c.library+fmt.Sprint(checkpointVersion), library, name)
		require.Equal(t, c.known, known, name)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	b, err := os.ReadFile(self)
	require.NoError(t, err)
	file, err := executable()
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("a program with the SHA-256 %x", sha256.Sum256(b)), file)
	for _, name := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nothing")} {
		file, err = fileOf(func() (*os.File, error) { return os.Open(name) })
		require.ErrorContains(t, err, "build it from a commit without changes")
		require.Empty(t, file)
	}
	_, _, known := versions()
	require.False(t, known, "a test is of no version")
}
