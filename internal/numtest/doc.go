// Package numtest is what the tests of this module share: distances in units in
// the last place, equality of bits, running error bounds, buffers between pages
// that fault, size budgets, and the loop over the tiers of the machine together
// with the record of which of them ran.
//
// No production code imports it.
package numtest
