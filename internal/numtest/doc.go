// Package numtest is what the tests of this module share: distances in units in
// the last place, equality of bits, running error bounds, buffers between pages
// that fault, size budgets, and the loop over the tiers of the machine together
// with the record of which of them ran.
//
// A test that imports it takes a number of workers as the number of parts of all work (see
// split.ShareAll), since the networks of tests are so small that one worker would do all;
// without a number, work has as many as it is worth, as for users.
//
// No production code imports it.
package numtest
