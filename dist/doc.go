// Package dist is what several processes need to train one net together: a [Group] of
// ranks, and a [Sum] of their gradients whose bits do not depend on how many they are.
//
// A Group has a few collective calls, which all ranks make in the same order. Two kinds
// stand here: [Alone] is a group of one process, and [Run] starts n goroutines that are a
// group, for tests and to see how it works. Package dist/mpi, a module of its own, has
// groups of processes on one machine or many.
//
// # Shards
//
// A batch is cut into a fixed number of shards, whatever the number of ranks. Each shard
// has a gradient of its own, and these are added in one fixed binary tree. A rank owns a
// block of neighbouring shards. So the ranks decide who computes a sum, and never in which
// order it is added: 1, 2, 3 or 8 ranks get the same bits (rule 15 of the numerics
// contract).
//
// The tree over n shards has one leaf for each. Of n > 1 shards the left half has the
// largest power of two below n, the right half the others. Five shards are
// ((0+1)+(2+3))+4.
//
// # What goes over the wire
//
// Each rank adds what lies within its block, and sends each other rank a chunk of that.
// The owner of a chunk adds the parts of all ranks in the order of the tree, and then the
// ranks hand each other the finished chunks. Each rank sends and receives 2 (n-1)/n times
// the size of the gradient, as in a ring, where the blocks are whole sub-trees: where the
// shards are a multiple of the ranks and both are powers of two. Else a rank may have
// several sub-trees to send, at most about 2 log2 of the shards that it owns.
package dist
