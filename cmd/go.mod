module github.com/simdrnn/simdrnn/cmd

go 1.26.0

replace (
	github.com/simdrnn/simdrnn => ..
	github.com/simdrnn/simdrnn/onnx => ../onnx
)

require (
	github.com/schollz/progressbar/v3 v3.19.1
	github.com/simdrnn/simdrnn v0.0.0-00010101000000-000000000000
	github.com/simdrnn/simdrnn/onnx v0.0.0-00010101000000-000000000000
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.44.0 // indirect
	google.golang.org/protobuf v1.36.10 // indirect
)
