// Command gen writes zonnx.pb.go, the Go code of the schema onnx.proto. It is what
// go generate runs in package pb:
//
//	go generate ./internal/pb
//
// It compiles the schema and writes the code by Go packages alone, so it needs no protoc,
// and no network once these packages are in the module cache. It is a module of its own:
// who reads ONNX files needs no compiler of schemas.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const (
	schema  = "onnx.proto"
	written = "zonnx.pb.go"
	library = "github.com/simdrnn/simdrnn/onnx/internal/pb"
)

func main() {
	dir := flag.String("dir", "..", "the folder of the schema, where the code goes")
	flag.Parse()
	code, err := generate(*dir)
	if err == nil {
		err = os.WriteFile(filepath.Join(*dir, written), code, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate returns the code of the schema in the folder dir. The comments of the schema
// are not part of it: the schema stands beside.
func generate(dir string) ([]byte, error) {
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{dir}}}
	files, err := c.Compile(context.Background(), schema)
	if err != nil {
		return nil, err
	}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{schema},
		Parameter:      proto.String("paths=source_relative,M" + schema + "=" + library),
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
	})
	if err != nil {
		return nil, err
	}
	internal_gengo.GenerateFile(plugin, plugin.Files[0])
	out := plugin.Response()
	if out.Error != nil {
		return nil, fmt.Errorf("protoc-gen-go: %s", out.GetError())
	}
	if len(out.File) != 1 {
		return nil, fmt.Errorf("protoc-gen-go wrote %d files, want 1", len(out.File))
	}
	return []byte(out.File[0].GetContent()), nil
}
