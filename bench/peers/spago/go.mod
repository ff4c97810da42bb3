module github.com/simdrnn/simdrnn/bench/peers/spago

go 1.26.0

replace github.com/simdrnn/simdrnn/bench/peers/driver => ../driver

require (
	github.com/nlpodyssey/spago v1.1.0
	github.com/simdrnn/simdrnn/bench/peers/driver v0.0.0-00010101000000-000000000000
)

require github.com/google/flatbuffers v23.5.26+incompatible // indirect
