module github.com/simdrnn/simdrnn/gonum/peer

go 1.26.0

replace (
	github.com/simdrnn/simdrnn => ../..
	github.com/simdrnn/simdrnn/gonum => ..
)

require (
	github.com/simdrnn/simdrnn/gonum v0.0.0-00010101000000-000000000000
	gonum.org/v1/gonum v0.17.0
	gonum.org/v1/netlib v0.0.0-20220323200511-14de99971b2d
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	github.com/simdrnn/simdrnn v0.0.0-00010101000000-000000000000 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
