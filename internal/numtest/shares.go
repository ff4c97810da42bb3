package numtest

import "github.com/simdrnn/simdrnn/internal/split"

var endShares = split.ShareAll()

// LimitWorkers makes a number of workers a limit again, as it is for users, and returns what
// ends that.
func LimitWorkers() (end func()) {
	endShares()
	return func() { endShares = split.ShareAll() }
}
