// Package driver is one end of the protocol between the comparison program and
// the libraries that it compares: the end of a process that runs one library.
// It is a module without dependencies, so that every driver written in Go can use
// it, whatever its library needs. protocol.h and protocol.py, in the folder above,
// are the same for C, C++ and Python.
//
// A driver reads commands from its standard input, one a line, and answers each
// with one line on its standard output:
//
//	hello                       ok TEXT     the version of the library, and how it was built
//	setup op=OP threads=N A=1.. ok          ready to run this operation
//	                            no REASON   the library, or this driver, does not have it
//	run N                       ns TOTAL    the time of N calls, in nanoseconds
//	free                        ok          the operation's memory is given back
//	quit                        (ends)      so does the end of the input
//
// Any command can be answered by "error TEXT". A driver may have more commands. What
// a library prints must not reach the standard output.
package driver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A Setup prepares the operation that the settings describe and returns a
// function that makes one call of it. It returns an error made by Unsupported for
// what the library does not have.
type Setup func(*Settings) (call func(), err error)

// A Command answers a command of a driver's own: it is given what follows the
// name and returns what follows "ok".
type Command func(arg string) (string, error)

// Serve answers the commands in r until they end, or until quit. version is the
// answer to hello.
func Serve(r io.Reader, w io.Writer, version string, setup Setup, more map[string]Command) error {
	var call func()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, arg, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if name == "quit" {
			return nil
		}
		answer := answer(name, arg, version, &call, setup, more)
		if _, err := fmt.Fprintln(w, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// answer carries out one command. A panic of the library is an error of the
// command: the comparison goes on with the next shape.
func answer(name, arg, version string, call *func(), setup Setup, more map[string]Command) (line string) {
	defer func() {
		if p := recover(); p != nil {
			*call = nil
			line = "error " + oneLine(fmt.Sprint(p))
		}
	}()
	switch name {
	case "hello":
		return "ok " + oneLine(version)
	case "setup":
		*call = nil
		s, err := ParseSettings(arg)
		if err == nil {
			*call, err = setup(s)
		}
		if err == nil {
			err = s.err
		}
		if err != nil {
			*call = nil
			if errors.As(err, new(unsupported)) {
				return "no " + oneLine(err.Error())
			}
			return "error " + oneLine(err.Error())
		}
		return "ok"
	case "run":
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 {
			return fmt.Sprintf("error run %q: want a number of calls of at least 1", arg)
		}
		if *call == nil {
			return "error run without a setup that succeeded"
		}
		f := *call
		begin := time.Now()
		for range n {
			f()
		}
		return fmt.Sprint("ns ", time.Since(begin).Nanoseconds())
	case "free":
		*call = nil
		runtime.GC()
		return "ok"
	}
	if f := more[name]; f != nil {
		text, err := f(arg)
		if err != nil {
			return "error " + oneLine(err.Error())
		}
		return "ok " + oneLine(text)
	}
	return "error " + oneLine(fmt.Sprintf("no command %q", name))
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

type unsupported struct{ error }

// Unsupported says that the library does not have the operation, and why.
func Unsupported(format string, args ...any) error {
	return unsupported{fmt.Errorf(format, args...)}
}

// Settings are the words after setup. Its methods remember the first mistake,
// which then is the answer to setup.
type Settings struct {
	values map[string]string
	err    error
}

// ParseSettings reads words of the form name=value.
func ParseSettings(line string) (*Settings, error) {
	s := &Settings{values: map[string]string{}}
	for _, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("setting %q, want name=value", word)
		}
		s.values[name] = value
	}
	return s, nil
}

// String returns a setting, "" if it is not there.
func (s *Settings) String(name string) string { return s.values[name] }

// Int returns a setting that is a number above 0.
func (s *Settings) Int(name string) int {
	n, err := strconv.Atoi(s.values[name])
	if (err != nil || n < 1) && s.err == nil {
		s.err = fmt.Errorf("setting %s=%s, want a number above 0", name, s.values[name])
	}
	return max(n, 1)
}

// Err returns the first mistake that Int found.
func (s *Settings) Err() error { return s.err }

// Numbers returns n numbers from [-scale, scale), the same for a seed everywhere. What a
// library multiplies is not a matter of its speed, as long as it is neither 0
// nor too small to be a normal number.
func Numbers(n int, scale float32, seed uint64) []float32 {
	s := make([]float32, n)
	for i := range s {
		// splitmix64
		seed += 0x9E3779B97F4A7C15
		z := (seed ^ seed>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		s[i] = scale * float32(int32(uint32(z>>32))) / (1 << 31)
	}
	return s
}
