package safetensors

// Type is the type of a tensor's elements, as the file names it.
type Type string

// The types that become float32.
const (
	F32  Type = "F32"
	F16  Type = "F16"
	BF16 Type = "BF16"
	F64  Type = "F64"
)

// types are those that the reference implementation knows (0.8.0), in its order.
var types = [...]struct {
	name Type
	bits int
}{
	{"BOOL", 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8}, {"I8", 8},
	{"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
	{"I16", 16}, {"U16", 16}, {F16, 16}, {BF16, 16}, {"I32", 32}, {"U32", 32}, {F32, 32},
	{"C64", 64}, {F64, 64}, {"I64", 64}, {"U64", 64},
}

// An Info says what a tensor is.
type Info struct {
	Name  string
	Type  Type
	Shape []int // nil of a scalar
}

// Elements returns the number of elements of the tensor.
func (i Info) Elements() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}
