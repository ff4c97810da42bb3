package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/simdrnn/simdrnn/bench/peers/driver"
)

const patience = 30 * time.Second

// The test binary itself is the driver of these tests: DRIVER says how it behaves.
func TestMain(m *testing.M) {
	switch os.Getenv("DRIVER") {
	case "":
		os.Exit(m.Run())
	case "good":
		err := driver.Serve(os.Stdin, os.Stdout, "fake 1.2", func(s *driver.Settings) (func(), error) {
			switch s.String("op") {
			case "sleep":
				ms := s.Int("ms")
				return func() { time.Sleep(time.Duration(ms) * time.Millisecond) }, nil
			case "panic":
				return func() { panic("two\nlines") }, nil
			}
			return nil, driver.Unsupported("no %s here", s.String("op"))
		}, map[string]driver.Command{"echo": func(arg string) (string, error) { return arg, nil }})
		if err != nil {
			panic(err)
		}
	case "hangs":
		time.Sleep(time.Hour)
	case "dies":
		fmt.Fprintln(os.Stderr, "out of luck")
		os.Exit(3)
	case "babbles":
		fmt.Println("Welcome to the library!")
		io.Copy(io.Discard, os.Stdin)
	case "nonsense":
		fmt.Println("ok")
		fmt.Println("ns soon")
		io.Copy(io.Discard, os.Stdin)
	}
}

func start(t *testing.T, how string) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start(Command{Path: self, Env: append(os.Environ(), "DRIVER="+how)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want %q in it", err, w)
		}
	}
}

func TestConversation(t *testing.T) {
	p := start(t, "good")
	for _, c := range [][2]string{{"hello", "fake 1.2"}, {"echo a b", "a b"}, {"setup op=sleep ms=3", ""}} {
		if got, err := p.Ask(patience, c[0]); err != nil || got != c[1] {
			t.Errorf("%s: %q, %v, want %q", c[0], got, err, c[1])
		}
	}
	d, err := p.Run(patience, 4)
	if err != nil || d < 12*time.Millisecond {
		t.Errorf("four calls of 3 ms took %v, %v", d, err)
	}
	if _, err := p.Ask(patience, "free"); err != nil {
		t.Error(err)
	}
	_, err = p.Run(patience, 1)
	wantError(t, err, "run without a setup")
}

// An operation that a driver does not have is reported in another way than one that
// failed, and after both the driver still answers.
func TestRefusals(t *testing.T) {
	p := start(t, "good")
	_, err := p.Ask(patience, "setup op=fly")
	if none := (*Unsupported)(nil); !errors.As(err, &none) || none.Reason != "no fly here" {
		t.Errorf("%v, want Unsupported with the reason", err)
	}
	_, err = p.Ask(patience, "setup op=sleep ms=none")
	wantError(t, err, "setting ms=none")
	_, err = p.Ask(patience, "setup op")
	wantError(t, err, `"op"`, "name=value")
	_, err = p.Ask(patience, "dance")
	wantError(t, err, `no command "dance"`)
	_, err = p.Run(patience, 0)
	wantError(t, err, "at least 1")
	if _, err := p.Ask(patience, "setup op=panic"); err != nil {
		t.Fatal(err)
	}
	_, err = p.Run(patience, 1)
	wantError(t, err, "two lines")
	if p.Dead() != nil {
		t.Errorf("dead after refusals: %v", p.Dead())
	}
}

func TestHangingDriverIsKilled(t *testing.T) {
	p := start(t, "hangs")
	begin := time.Now()
	_, err := p.Ask(200*time.Millisecond, "hello")
	wantError(t, err, "hello", "no answer within 200ms")
	if took := time.Since(begin); took > patience {
		t.Errorf("the time limit of 200 ms took %v", took)
	}
	if p.Dead() == nil {
		t.Error("alive after its time limit")
	}
	_, err = p.Ask(patience, "hello")
	wantError(t, err, "no answer within 200ms")
}

func TestDeadDriver(t *testing.T) {
	p := start(t, "dies")
	_, err := p.Ask(patience, "hello")
	wantError(t, err, "the process ended", "exit status 3", "out of luck")
}

func TestDriverThatBreaksTheProtocol(t *testing.T) {
	_, err := start(t, "babbles").Ask(patience, "hello")
	wantError(t, err, "Welcome to the library!", "want ok")
	p := start(t, "nonsense")
	if _, err := p.Ask(patience, "hello"); err != nil {
		t.Fatal(err)
	}
	_, err = p.Run(patience, 1)
	wantError(t, err, `"soon"`, "nanoseconds")
}

func TestMissingProgram(t *testing.T) {
	if _, err := Start(Command{Path: "/no/such/driver"}); err == nil {
		t.Error("a driver that does not exist was started")
	}
}
