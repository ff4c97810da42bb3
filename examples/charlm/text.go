package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	common "github.com/simdrnn/simdrnn/examples/internal/program"
)

// maxText is the longest text that is read.
const maxText = 4 << 30

// readText returns the path of the text and its bytes: the file that -text
// names or, without one, Newton's Opticks from the Go installation.
func readText(name string) (path string, text []byte, err error) {
	if name == "" {
		path, err = opticks()
	} else {
		path, err = filepath.Abs(name)
	}
	if err != nil {
		return "", nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name):
		return "", nil, fmt.Errorf("%w; relative names start in the working folder of the program, which go -C changes; name a readable file with -text", err)
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a folder", path)
	case !info.Mode().IsRegular():
		// A pipe cannot be read again by -resume, a device may have no end.
		err = fmt.Errorf("%s is no regular file", path)
	case info.Size() > maxText:
		return "", nil, fmt.Errorf("%s has %s, more than %s; use a part of it", path, size(float64(info.Size())), size(maxText))
	default:
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w; name a readable file with -text", err)
	}
	return path, text, nil
}

// opticks finds the book in the Go installation.
func opticks() (string, error) {
	path, err := common.GoFile("src/testdata/Isaac.Newton-Opticks.txt")
	if err != nil {
		err = fmt.Errorf("the default text, Newton's Opticks, is not in the Go installation: %w; name a text with -text FILE", err)
	}
	return path, err
}

// split divides the text into the part to train on and the last 5 %, held out.
// It refuses a text that does not fill one window of every stream.
func split(path string, text []byte, batch, window int) (train, held []byte, err error) {
	at := len(text) - len(text)/20
	train, held = text[:at], text[at:]
	if len(train) <= batch*window || len(held) < 2 {
		need := batch*window + 1
		need = max(40, need+(need+18)/19+1)
		return nil, nil, fmt.Errorf("%s has %d characters, too few for -batch %d -window %d, which need %d; use a longer text or smaller numbers", path, len(text), batch, window, need)
	}
	return train, held, nil
}
