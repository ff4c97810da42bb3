package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// A file is written under a temporary name that no other run uses, and renamed
// when it is complete: at any moment, after a crash too, its name holds the old
// bytes or the new. Where two runs write the same file, the one that is complete
// last stands in the end.

// Temporary names begin and end with these.
const (
	tempPrefix = ".charlm-"
	tempSuffix = ".tmp"
)

// replace writes the file of that name anew.
func replace(name string, write func(io.Writer) error) error {
	temp, err := complete(name, write)
	if err != nil {
		return err
	}
	return move(temp, name)
}

// complete writes a temporary file beside name to the disk and returns its name.
func complete(name string, write func(io.Writer) error) (temp string, err error) {
	temp = tempName(name)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(temp)
		return "", err
	}
	return temp, nil
}

func tempName(name string) string {
	dir, base := filepath.Split(name)
	return filepath.Join(dir, fmt.Sprintf("%s%s.%d-%016x%s", tempPrefix, base, os.Getpid(), rand.Uint64(), tempSuffix))
}

// move renames a temporary file to name, or removes it.
func move(temp, name string) error {
	err := os.Rename(temp, name)
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// keep makes the file from, if there is one, available under the name to as well.
func keep(from, to string) error {
	temp := tempName(to)
	err := os.Link(from, temp)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil: // a file system without links
		return replace(to, func(w io.Writer) error {
			f, err := os.Open(from)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
	}
	err = move(temp, to)
	// Renaming one link to another of the same file leaves both.
	os.Remove(temp)
	return err
}

// removeLeftovers removes the temporary files of runs that were killed. The folder
// is locked, so no other run is at work on them. It is housekeeping: its own
// failures do not matter.
func removeLeftovers(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix) {
			os.Remove(filepath.Join(dir, name))
		}
	}
}
