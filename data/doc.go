// Package data has what networks are trained on: a Source gives one Batch after another,
// whose position can be kept in a checkpoint. Text and Tokens are streams of symbols,
// Sequences are separate examples of any lengths.
package data
