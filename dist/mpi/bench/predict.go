package main

import (
	"fmt"
	"io"
	"math"
)

// A cost is what the model of docs/distributed.md is given. Times are seconds.
type cost struct {
	parameters int
	shard      float64 // forward and back of one shard
	rest       float64 // of an update on each rank: norm, optimizer, reading
	early      float64 // share of the gradients that are complete only at the end of the way back, 0 to 1
	latency    float64 // of a message
	message    float64 // that a message keeps a processor busy
	gbits      float64 // of the network, each way
}

// bucket is that of package dist, in bytes.
const bucket = 4 << 20

// bytesOf is what each of n ranks sends in an update, where blocks are whole sub-trees.
func (c cost) bytesOf(n int) float64 {
	return 2 * float64(n-1) / float64(n) * 4 * float64(c.parameters)
}

// exchange is the time of the sum of the gradients over n ranks.
func (c cost) exchange(n int) float64 {
	if n == 1 {
		return 0
	}
	buckets := math.Ceil(4 * float64(c.parameters) / bucket)
	return c.bytesOf(n)/(c.gbits/8*1e9) + 2*buckets*(c.latency+float64(n-1)*c.message)
}

// agree is the time of the two exchanges of some bytes in each update.
func (c cost) agree(n int) float64 {
	if n == 1 {
		return 0
	}
	return 2 * math.Ceil(math.Log2(float64(n))) * (c.latency + c.message)
}

// update is the time of an update of so many shards on n ranks. The way back is two thirds of
// a shard, and hides what is complete early of the exchange.
func (c cost) update(n, shards int) (seconds, waiting float64) {
	compute := math.Ceil(float64(shards)/float64(n))*c.shard + c.rest
	hidden := 2.0 / 3 * c.shard * (1 - c.early)
	waiting = max(c.exchange(n)*c.early, c.exchange(n)-hidden) + c.agree(n)
	return compute + waiting, waiting
}

// print prints the table of docs/distributed.md: one shard for each rank (weak), and a fixed
// number of them (strong).
func (c cost) print(w io.Writer, shards int) {
	alone, _ := c.update(1, 1)
	all, _ := c.update(1, shards)
	fmt.Fprintf(w, "| ranks | Gb/s | exchange ms | one shard a rank: ms | efficiency | waiting | %d shards: ms | speed-up |\n", shards)
	fmt.Fprintln(w, "|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, gbits := range []float64{10, 100} {
		c.gbits = gbits
		for _, n := range []int{8, 64, 512} {
			weak, waiting := c.update(n, n)
			strong, _ := c.update(n, max(n, shards))
			speedup := fmt.Sprintf("%.0f", all/strong)
			if n > shards {
				speedup = "-"
			}
			fmt.Fprintf(w, "| %d | %v | %.1f | %.1f | %.0f %% | %.0f %% | %.1f | %s |\n",
				n, gbits, 1e3*c.exchange(n), 1e3*weak, 100*alone/weak, 100*waiting/weak, 1e3*strong, speedup)
		}
	}
}
