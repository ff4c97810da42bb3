package simdrnn

// The directives of the repository rewrite every generated file. The first does it from
// the catalog and the templates in asm, a nested module so that importers see no
// generator; the second makes the code for ONNX files of their schema.
//
//go:generate go -C asm run . -root ..
//go:generate go -C onnx generate ./internal/pb
