package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// writable returns an error unless a file may be written: it is another one than in, and
// it is not there yet unless force is set. in is "" where there is none.
func writable(name, in string, force bool) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder, want the name of a file", name)
	}
	if source, err := os.Stat(in); in != "" && err == nil && os.SameFile(source, info) {
		return usagef("%s and %s are the same file: name another one for the output", in, name)
	}
	if !force {
		return fmt.Errorf("%s exists: name another file, or give -force to replace it", name)
	}
	return nil
}

// replace writes a file that appears under its name when it is whole. Without force it
// does not take the place of another one, also not of one that came meanwhile where the file
// system has hard links. After an error, or when ctx is done, nothing is left behind.
func replace(ctx context.Context, name string, force bool, p *progress, write func(io.Writer) error) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(name), ".simdrnn-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after a rename nothing is there
	defer temp.Close()           // the second time after the one below, and on a panic
	b := bufio.NewWriterSize(stream{ctx: ctx, w: temp, p: p}, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	if err := errors.Join(temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !force {
		switch err := os.Link(temp.Name(), name); {
		case err == nil:
			return syncFolder(filepath.Dir(name))
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("%s has appeared meanwhile: name another file, or give -force to replace it", name)
		}
		// There are no links here: the check from before the work has to do.
		if err := writable(name, "", false); err != nil {
			return err
		}
	}
	if err := os.Rename(temp.Name(), name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes the name durable where the system has a call for it.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some network file systems refuse it.
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
