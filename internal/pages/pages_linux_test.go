package pages

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The system has been asked for huge pages where a large array is. Linux may be built without
// them; where tests must leave nothing out, in CI or with a required tier, it must not be.
func TestHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		if os.Getenv("CI") != "" || os.Getenv("SIMDRNN_REQUIRE_ISA") != "" {
			t.Fatal("this system has no transparent huge pages, and CI or SIMDRNN_REQUIRE_ISA demands that nothing is left out: ", err)
		}
		t.Skip("NOT EXERCISED: huge pages; this system has none: ", err)
	}
	large := Floats(4 << 20)
	flags, err := mappingFlags(uintptr(unsafe.Pointer(&large[2<<20])))
	require.NoError(t, err)
	require.Contains(t, strings.Fields(flags), "hg", "the flags where 16 MiB are")
}

// mappingFlags are the flags of the mapping that an address is in, as proc(5) has them.
func mappingFlags(address uintptr) (string, error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return "", err
	}
	defer f.Close()
	in := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var begin, end uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &begin, &end); n == 2 {
			in = begin <= address && address < end
		} else if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && in {
			return flags, nil
		}
	}
	return "", nil
}
