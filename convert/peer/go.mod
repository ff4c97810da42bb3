module github.com/simdrnn/simdrnn/convert/peer

go 1.26.0

replace (
	github.com/simdrnn/simdrnn => ../..
	github.com/simdrnn/simdrnn/onnx => ../../onnx
)

require (
	github.com/simdrnn/simdrnn v0.0.0-00010101000000-000000000000
	github.com/simdrnn/simdrnn/onnx v0.0.0-00010101000000-000000000000
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
	google.golang.org/protobuf v1.36.10 // indirect
)
