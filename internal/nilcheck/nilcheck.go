// Package nilcheck finds the nil pointers that interfaces hold, and has the error of the
// methods of others.
package nilcheck

import (
	"fmt"
	"reflect"
)

// IsNil says whether v is nil or an interface that holds a nil pointer, function,
// map, slice or channel.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan, reflect.UnsafePointer:
		return r.IsNil()
	}
	return false
}

// Receiver is the error of a method of a nil pointer, such as a call returns beside an error.
func Receiver(pkg, typ, method string) error {
	return fmt.Errorf("%s: %s of a nil *%s; look at the error of the call that was to make it", pkg, method, typ)
}
