package program

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoFile(t *testing.T) {
	name, err := GoFile("src/fmt")
	require.NoError(t, err)
	require.DirExists(t, name)
	_, err = GoFile("src/none")
	require.ErrorContains(t, err, "$GOROOT/src/none")
}

// TestReadText: what is wrong with a file, and which flag names another.
func TestReadText(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		name := filepath.Join(dir, "file")
		require.NoError(t, os.WriteFile(name, []byte(content), 0o666))
		return name
	}
	text, err := ReadText("text", file("é\n\uFFFD"))
	require.NoError(t, err)
	require.Equal(t, "é\n\uFFFD", text)
	for name, want := range map[string]string{filepath.Join(dir, "none"): "no such file", dir: " is a folder"} {
		_, err = ReadText("text", name)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "; name a readable file with -text; relative names start in the working folder")
	}
	for content, want := range map[string]string{"a\n\nb\xff": "line 3 has the byte 0xff", "\x00": "line 1 has the byte 0x00"} {
		_, err = ReadText("text", file(content))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "; name a text with -text")
	}
}

// TestGoCode: commands, copies and what tests read are left out, but not the folder itself.
func TestGoCode(t *testing.T) {
	root := filepath.Join(t.TempDir(), "cmd")
	for _, name := range []string{"a.go", "a_test.go", "b.s", "internal/c.go", "testdata/d.go", "vendor/e.go", "cmd/f.go", "x/g.go"} {
		full := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o777))
		require.NoError(t, os.WriteFile(full, nil, 0o666))
	}
	_, err := GoCode(filepath.Join(root, "a.go"), false)
	require.ErrorContains(t, err, "a.go is no folder")
	for public, want := range map[bool][]string{false: {"a.go", "a_test.go", "internal/c.go", "x/g.go"}, true: {"a.go", "x/g.go"}} {
		files, err := GoCode(root, public)
		require.NoError(t, err)
		for i := range files {
			files[i], err = filepath.Rel(root, files[i])
			require.NoError(t, err)
			files[i] = filepath.ToSlash(files[i])
		}
		require.Equal(t, want, files)
	}
}
