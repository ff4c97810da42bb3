module github.com/simdrnn/simdrnn/onnx

go 1.26.0

replace github.com/simdrnn/simdrnn => ..

require (
	github.com/simdrnn/simdrnn v0.0.0-00010101000000-000000000000
	google.golang.org/protobuf v1.36.10
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
