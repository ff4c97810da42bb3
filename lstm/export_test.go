package lstm

import "github.com/simdrnn/simdrnn/internal/wire"

// Fields are what a file keeps of c, for tests that forge one.
func Fields(c Config) []int64 { return wire.FieldsOf(c.visit) }
