package simdrnn

// The one directive of the repository: it rewrites every generated file from
// the catalog and the templates in asm, a nested module so that importers see no
// generator.
//
//go:generate go -C asm run . -root ..
