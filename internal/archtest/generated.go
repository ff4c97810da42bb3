package archtest

import (
	"bufio"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// generatedHeader is the first line of every generated file, as Go's convention
// has it.
var generatedHeader = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

// GeneratedNames checks that the name of a file or folder begins with z where the
// generator wrote it and nowhere else. Whoever deletes all files whose names begin
// with z, to generate them anew, loses nothing then. fsys is the whole repository,
// its nested modules included; folders whose names begin with a dot are left out.
func GeneratedNames(fsys fs.FS) ([]Violation, error) {
	var out []Violation
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path.Base(p)
		if d.IsDir() {
			switch {
			case strings.HasPrefix(name, ".") && p != ".":
				return fs.SkipDir
			case strings.HasPrefix(name, "z"):
				out = append(out, Violation{p, "the name of a folder begins with z, which only generated files do: rename it"})
			}
			return nil
		}
		first, err := firstLine(fsys, p)
		if err != nil {
			return err
		}
		generated := generatedHeader.MatchString(first)
		switch z := strings.HasPrefix(name, "z"); {
		case z && !generated:
			out = append(out, Violation{p, "the name begins with z, but the file lacks the first line of generated files: rename it"})
		case generated && !z:
			out = append(out, Violation{p, "the file is generated, so its name has to begin with z"})
		}
		return nil
	})
	return out, err
}

// firstLine returns the beginning of a file up to its first line end, of a long
// line only a part.
func firstLine(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, _, err := bufio.NewReaderSize(f, 512).ReadLine()
	if err == io.EOF {
		err = nil
	}
	return string(line), err
}
