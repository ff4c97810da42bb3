//go:build !linux

package pages

// advise does nothing: this system has no such request.
func advise([]float32) {}
