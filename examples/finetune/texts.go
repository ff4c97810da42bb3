package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/simdrnn/simdrnn/examples/internal/program"
)

// A corpus is a text in parts.
type corpus struct {
	name               string
	train, valid, test []byte
}

// read reads both texts.
func (o *options) read() (from, to corpus, err error) {
	var text []byte
	if from.name, text, err = named(o.from, "from", "src", o.much); err != nil {
		return from, to, err
	}
	at := len(text) - len(text)/20
	from.train, from.valid = text[:at], text[at:][:min(len(text)/20, 20000)]
	if need := o.batch*o.window + 1; at < need || len(text)/20 < 2*streams {
		return from, to, fmt.Errorf("%s has %d characters for training, too few for -batch %d -window %d, which need %d; use a longer text, more -much or smaller numbers",
			from.name, at, o.batch, o.window, need)
	}
	if to.name, text, err = named(o.to, "to", "src/testdata/Isaac.Newton-Opticks.txt", 3*o.little); err != nil {
		return from, to, err
	}
	if len(text) < 3*o.little {
		return from, to, fmt.Errorf("%s has %d characters, too few for -little %d, which needs %d; use a longer text or a smaller number", to.name, len(text), o.little, 3*o.little)
	}
	if need := o.batch*o.window + 1; o.little < need {
		return from, to, fmt.Errorf("-little %d is too few for -batch %d -window %d, which need %d", o.little, o.batch, o.window, need)
	}
	to.train, to.valid, to.test = text[:o.little], text[o.little:2*o.little], text[2*o.little:]
	return from, to, nil
}

// named reads at most n bytes of the file that a flag names, or of a file or the code of a
// folder of the Go distribution.
func named(file, flag, otherwise string, n int) (name string, text []byte, err error) {
	if name = file; name == "" {
		if name, err = program.GoFile(otherwise); err != nil {
			return name, nil, fmt.Errorf("%w; name a text with -%s FILE", err, flag)
		}
	}
	if info, failed := os.Stat(name); failed == nil && info.IsDir() && file == "" {
		text, err = code(name, n)
	} else {
		text, err = program.ReadFile(flag, name)
	}
	return name, text[:min(n, len(text))], err
}

// code returns the Go files below a folder, until there are n bytes, without tests, commands
// and what is internal.
func code(root string, n int) ([]byte, error) {
	files, err := program.GoCode(root, true)
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, path := range files {
		if len(all) >= n {
			break
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	if len(all) == 0 {
		return nil, errors.New(root + " has no Go files")
	}
	return all, nil
}
