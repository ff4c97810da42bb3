// Package optim has the methods that move parameters against their gradients, and the
// schedules of their learning rates.
//
// # Settings
//
// A setting that is NaN, infinite or out of the range of float32 is an error that
// names it. Init returns it for a field, and Update for a value of a Schedule; the weights
// are then those of the last complete update.
//
// Every element is updated by itself, by one written sequence of operations, so results
// are the same bits on every instruction set, architecture and number of workers.
package optim
