package finetune

import "fmt"

// errNil is the error of a method of a nil pointer, such as a constructor returns beside an
// error.
func errNil(typ, method string) error {
	return fmt.Errorf("finetune: %s of a nil *%s; look at the error of the call that was to make it", method, typ)
}
