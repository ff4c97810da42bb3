package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// arches are the values of GOARCH that the go command knows for its own compiler.
var arches = []string{
	"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",
	"ppc64", "ppc64le", "riscv64", "s390x", "wasm",
}

// forbidden are instructions that would change how the rest of the program
// computes: contract rule 8 sets no floating-point mode.
var forbidden = regexp.MustCompile(`\b(V?LDMXCSR|FLDCW|XRSTOR\w*|FXRSTOR\w*)\b|MSR\s+\S+,\s*FPCR`)

// kept are the registers that assembly leaves alone, by GOARCH. On amd64: the
// stack and frame pointers, g, and the register of position-independent code. On
// arm64, by Go's names and by those that the comment of a WORD has: the
// platform's, the linker's two, closure context, assembler's temporary, g, frame
// pointer, link and stack pointer. A kernel that writes one returns to a caller
// that counts on it; tests of numbers need not notice.
var kept = map[string]*regexp.Regexp{
	"amd64": regexp.MustCompile(`\b([ER]?[BS]PL?|R1[45][BWL]?)\b`),
	"arm64": regexp.MustCompile(`\b([RxwFX]?SP|wsp|sp|g|LR|[Rxw](1[6-8]|2[6-9]|30))\b`),
}

// Assembly checks where assembly is and when it is built: only below
// kernels/internal, in the folder of one tier, for that tier's GOARCH and for no
// GOARCH under the tags purego and noasm; that it loads no floating-point mode;
// and that kernels do not use the registers that belong to Go.
func Assembly(t *Tree) ([]Violation, error) {
	home := map[string]string{"kernels/internal/avx2": "amd64", "kernels/internal/avx512": "amd64", "kernels/internal/neon": "arm64"}
	var out []Violation
	for _, f := range t.folders() {
		for _, name := range f.Asm {
			file := path.Join(f.Path, name)
			arch := home[f.Path]
			if arch == "" && f.Path != "kernels" {
				out = append(out, Violation{file, "assembly stands only in kernels and below kernels/internal"})
			}
			for _, tags := range [][]string{nil, {"purego"}, {"noasm"}} {
				var built []string
				for _, a := range arches {
					c := t.context(a, tags...)
					ok, err := c.MatchFile(f.Path, name)
					if err != nil {
						return nil, err
					}
					if ok {
						built = append(built, a)
					}
				}
				if tags != nil && len(built) > 0 {
					out = append(out, Violation{file, fmt.Sprintf("built with -tags %s on %s: its constraint lacks !%[1]s", tags[0], list(built))})
				}
				if tags == nil && arch != "" && !slices.Equal(built, []string{arch}) {
					out = append(out, Violation{file, fmt.Sprintf("built on %s, but %s is for %s", list(built), f.Path, arch)})
				}
			}
			src, err := fs.ReadFile(t.fsys, file)
			if err != nil {
				return nil, err
			}
			for i, l := range strings.Split(string(src), "\n") {
				code, comment, _ := strings.Cut(l, "//")
				if strings.HasPrefix(l, "\t") && kept[arch] != nil {
					named := code
					if strings.HasPrefix(code, "\tWORD ") {
						named = comment // which a test of package asm holds against the word
					}
					if m := kept[arch].FindString(named); m != "" {
						out = append(out, Violation{fmt.Sprintf("%s:%d", file, i+1), m + " belongs to Go or the platform"})
					}
				}
				if m := forbidden.FindString(code); m != "" {
					out = append(out, Violation{fmt.Sprintf("%s:%d", file, i+1), m + " changes the floating-point mode of the whole program"})
				}
			}
		}
	}
	return out, nil
}
