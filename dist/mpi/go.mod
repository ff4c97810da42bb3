module github.com/simdrnn/simdrnn/dist/mpi

go 1.26.0

replace github.com/simdrnn/simdrnn => ../..

require (
	github.com/simdrnn/simdrnn v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.5
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
