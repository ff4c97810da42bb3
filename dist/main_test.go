package dist

import (
	"os"
	"testing"

	"github.com/simdrnn/simdrnn/internal/numtest"
)

func TestMain(m *testing.M) { os.Exit(numtest.Main(m)) }
