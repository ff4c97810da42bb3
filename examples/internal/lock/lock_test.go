package lock

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLock: of those who lock one folder again and again there is never more than
// one who has it, though each removes the file that is locked.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var holders, taken atomic.Int32
	for range 8 {
		wg.Go(func() {
			for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
				unlock, err := Folder(dir, "program")
				if err != nil {
					if !errors.As(err, new(*InUseError)) {
						t.Error(err)
						return
					}
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				taken.Add(1)
				time.Sleep(time.Millisecond) // another one may come
				holders.Add(-1)
				unlock()
			}
		})
	}
	wg.Wait()
	require.Positive(t, taken.Load())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
