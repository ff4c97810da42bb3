package mpi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLimits: what the environment says, its defaults, and what it may not say.
func TestLimits(t *testing.T) {
	t.Setenv(EnvInit, "")
	t.Setenv(EnvLauncher, "")
	start, launcher, err := limits()
	require.NoError(t, err)
	require.Equal(t, 300*time.Second, start)
	require.Equal(t, 5*time.Second, launcher)
	t.Setenv(EnvInit, "0")
	t.Setenv(EnvLauncher, "2.5")
	start, launcher, err = limits()
	require.NoError(t, err)
	require.Zero(t, start)
	require.Equal(t, 2500*time.Millisecond, launcher)
	for _, name := range []string{EnvInit, EnvLauncher} {
		for _, bad := range []string{"-1", "NaN", "Inf", "5s", "1e9"} {
			t.Setenv(name, bad)
			_, _, err := limits()
			require.EqualError(t, err, "mpi: "+name+"=\""+bad+"\", want seconds from 0, which is no limit, to 2592000")
		}
		t.Setenv(name, "1")
	}
}

// TestTenths: a launcher is given some time, however little is asked for.
func TestTenths(t *testing.T) {
	for d, want := range map[time.Duration]int{1: 1, 100 * time.Millisecond: 1, 100*time.Millisecond + 1: 2, 5 * time.Second: 50} {
		require.Equal(t, want, tenths(d), "%v", d)
	}
}

// TestRankName: what a message of the start calls a rank.
func TestRankName(t *testing.T) {
	for _, name := range launchers {
		t.Setenv(name, "")
	}
	require.Equal(t, "a rank", rankName())
	t.Setenv("PMI_RANK", "7")
	require.Equal(t, "rank 7", rankName())
}
