// Package nilcheck finds the nil pointers that interfaces hold.
package nilcheck

import "reflect"

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
