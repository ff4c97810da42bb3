package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	setsWorkers = regexp.MustCompile(`\bSetWorkers\(|\bWorkers: *[\w.]`)
	sharesWork  = regexp.MustCompile(`"github\.com/simdrnn/simdrnn/internal/numtest(/nettest)?"`)
)

// Tests that set a number of workers are in a package whose tests import numtest, by which this
// is the number of parts of all work (split.ShareAll). Without it one worker does all work of the
// small networks of tests, and these would hold nothing. Nested modules cannot import it.
func TestWorkersOfTestsShareWork(t *testing.T) {
	root, set := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if folder != root {
			if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil || strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
		}
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			return err
		}
		sets, shares := "", false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if setsWorkers.Match(text) {
				sets = file
			}
			shares = shares || sharesWork.Match(text)
		}
		switch {
		case sets == "":
		case !shares:
			t.Errorf("%s sets a number of workers, which limits them and shares nothing of small work; import internal/numtest in a test of the package", sets)
		default:
			set++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if set < 8 {
		t.Errorf("%d packages with tests that set a number of workers", set)
	}
}
