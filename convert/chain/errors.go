package chain

import "fmt"

// An Error says which stage cannot be written, or cannot be made of a file.
type Error struct {
	Stage  string // its place, like "1" or "2.0" for one within stage 2; "" for the chain as a whole
	Reason string // what was found, what was expected and what to do
	Err    error  // of another package, or nil
}

// Error says what was found, what was wanted and, where there is a choice, what to do.
func (e *Error) Error() string {
	text := "chain: "
	if e.Stage != "" {
		text += "stage " + e.Stage + ": "
	}
	text += e.Reason
	if e.Err != nil {
		if e.Reason != "" {
			text += ": "
		}
		text += e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func refuse(stage, format string, a ...any) error {
	return &Error{Stage: stage, Reason: fmt.Sprintf(format, a...)}
}

// short is a piece of a file, which may be as long as that, for an error.
func short(s string) string {
	const most = 100
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
