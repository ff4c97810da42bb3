package program

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// GoFile returns the path of a file or folder of the Go distribution, such as "src/fmt" or
// "doc/go_spec.html". A program built with -trimpath does not know where that is, so the
// go command is asked first, and then the variable GOROOT.
func GoFile(path string) (string, error) {
	var roots []string
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		roots = append(roots, strings.TrimSpace(string(out)))
	}
	roots = append(roots, os.Getenv("GOROOT"))
	for _, root := range roots {
		full := filepath.Join(root, filepath.FromSlash(path))
		if root == "" {
			continue
		}
		if _, err := os.Stat(full); err == nil {
			return full, nil
		}
	}
	return "", fmt.Errorf("there is no $GOROOT/%s: neither the go command nor the variable GOROOT leads to a Go distribution that has it", path)
}

// GoCode returns the paths of the Go files below a folder, in the order of WalkDir, but for
// commands, what is copied from other modules, and what tests read. With public, tests and
// what is internal are left out too.
func GoCode(root string, public bool) (files []string, err error) {
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", root)
	}
	if err == nil {
		root, err = filepath.EvalSymlinks(root) // WalkDir does not follow a link
	}
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if path != root && (d.Name() == "cmd" || d.Name() == "vendor" || d.Name() == "testdata" || public && d.Name() == "internal") {
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".go") && !(public && strings.HasSuffix(path, "_test.go")):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// ReadFile reads the file that a flag names. Its errors say so.
func ReadFile(flag, name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a folder", name)
	case !info.Mode().IsRegular():
		// A pipe cannot be read again by -resume, a device may have no end.
		err = fmt.Errorf("%s is no regular file", name)
	default:
		var content []byte
		if content, err = os.ReadFile(name); err == nil {
			return content, nil
		}
	}
	return nil, fmt.Errorf("%w; name a readable file with -%s; relative names start in the working folder of the program", err, flag)
}

// ReadText is ReadFile for a text in UTF-8.
func ReadText(flag, name string) (string, error) {
	content, err := ReadFile(flag, name)
	if err != nil {
		return "", err
	}
	line := 1
	for rest := content; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == 0 || r == utf8.RuneError && size == 1 {
			return "", fmt.Errorf("%s is no text in UTF-8: line %d has the byte %#02x; name a text with -%s", name, line, rest[0], flag)
		}
		if r == '\n' {
			line++
		}
		rest = rest[size:]
	}
	return string(content), nil
}
