// Package data has what networks are trained on: a Source gives one Batch after another,
// whose position can be kept in a checkpoint.
//
//	what                                  in memory              in a file of any size
//	one text or list of ids, in streams   Text, Tokens           Stream
//	separate examples of any lengths      Sequences              Feed, of Records or a reader of one's own
//	the same with little padding          NewBuckets             FeedConfig.ByLength
//	a source, and a target to write       Pairs
//	the same with little padding          PairsConfig.Buckets
//
// All of them give the same batches for a seed on every machine, and go on from any
// position to the bit. What is in a file may not change under the run: that is an error.
//
// A Vocabulary turns words, runes or bytes into ids. Labelled, Tagged, Following and
// Forecasts make a Sequence of what is to be classified, tagged, continued and forecast;
// Split and SplitSeries cut off the parts for validation and testing, and a Scale has the
// mean and the deviation of a series.
package data
