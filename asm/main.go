// Command asm writes every generated file of the module: the assembly of all
// targets, their stubs in Go, the dispatch, and what packages lstm, gru and rnn have in
// common. Run it from the root with
//
//	go generate ./...
//
// Everything is made in memory first, so that a kernel that does not compile
// leaves the files as they are.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	// A flag set of our own: importing avo registers flags on the default one.
	flags := flag.NewFlagSet("asm", flag.ExitOnError)
	root := flags.String("root", "..", "the root of the module")
	flags.Parse(os.Args[1:])
	files, err := Generate()
	if err == nil {
		err = Write(*root, files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "asm:", err)
		os.Exit(1)
	}
}
