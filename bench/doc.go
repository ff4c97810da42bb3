// Package bench holds what compares simdrnn with others: the programs that make
// their numbers, and the reports. It is a module of its own, so that nothing the
// comparison needs reaches a user of the library. The README beside this file
// says what is here and how to run it.
package bench
