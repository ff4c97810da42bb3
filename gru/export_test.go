package gru

// Fields are what a file keeps of c, for tests that forge one.
func Fields(c Config) []int64 { return c.fields() }
