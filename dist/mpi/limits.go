package mpi

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// Environment variables that limit how long a job may stay in its start. Their values are
// seconds, which may have a fraction; 0 is no limit.
const (
	// EnvInit is for MPI_Init: a rank that is in it for longer says so and ends with status
	// 1, and so the launcher ends the job. The default is 300 seconds.
	EnvInit = "SIMDRNN_MPI_INIT"

	// EnvLauncher is for mpirun of Open MPI, which can stay for ever after a rank was killed
	// in MPI_Init: one that has no living process for that long is killed, with a message.
	// The default is 5 seconds. It works on Linux.
	EnvLauncher = "SIMDRNN_MPI_LAUNCHER"
)

// limit is the value of an environment variable.
func limit(name string, otherwise time.Duration) (time.Duration, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	const most = 30 * 24 * time.Hour
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds >= 0 && seconds <= most.Seconds()) {
		return 0, fmt.Errorf("mpi: %s=%q, want seconds from 0, which is no limit, to %.0f", name, text, most.Seconds())
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// limits are those of the environment.
func limits() (start, launcher time.Duration, err error) {
	if start, err = limit(EnvInit, 300*time.Second); err != nil {
		return 0, 0, err
	}
	launcher, err = limit(EnvLauncher, 5*time.Second)
	return start, launcher, err
}

// tenths is a limit above 0 in tenths of a second, at least one.
func tenths(d time.Duration) int {
	const tenth = 100 * time.Millisecond
	return int((d + tenth - 1) / tenth)
}

// rankName is what a launcher calls this process, before MPI knows.
func rankName() string {
	for _, name := range launchers {
		if rank := os.Getenv(name); rank != "" {
			return "rank " + rank
		}
	}
	return "a rank"
}
