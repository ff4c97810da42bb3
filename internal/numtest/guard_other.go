//go:build !linux && !darwin

package numtest

// Guarded says whether the buffers of a Guards have pages around them that fault.
const Guarded = false

const pageSize = 4096

// mapFence returns ordinary memory: what lies around a buffer is readable here.
func mapFence(size int) ([]byte, error) { return make([]byte, size), nil }

func unmapFence([]byte) {}

func protectFence([]byte, bool) error { return nil }
