package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/simdrnn/simdrnn/internal/draw"
)

// InitUniform sets all parameters of net, biases and norms too, to independent draws from
// [-bound, bound): what papers call weights that are uniform in ±bound. Parameters are drawn
// in the order of EachParam, one that is shared once; only Uint64 is taken from r, and the
// same seed gives the same bits on every machine. What New of the stages draws by default is
// said there. The Init of a layer sets that layer alone, parameter by parameter.
//
// A chain that Infer made will do: it has the same weights. What a Predictor was made of
// before stays as it was until Refresh. It returns an error, and changes nothing, if net or
// r is nil, and if bound is not above 0, or not finite, as a float32.
func InitUniform(net Net, bound float64, r *rand.Rand) error {
	params, err := Params(net)
	if err != nil {
		return err
	}
	if r == nil {
		return errors.New("nn: InitUniform with a nil *rand.Rand: give it rand.New(rand.NewPCG(1, 2))")
	}
	if b := float64(float32(bound)); !(b > 0 && b <= math.MaxFloat32) {
		return fmt.Errorf("nn: InitUniform with the bound %v, want more than 0 and finite", bound)
	}
	for _, p := range params {
		draw.Uniform(p.W, bound, r)
	}
	return nil
}
