package fuzz_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/simdrnn/simdrnn/bptt"
	"github.com/simdrnn/simdrnn/cell"
	"github.com/simdrnn/simdrnn/data"
	"github.com/simdrnn/simdrnn/decode"
	"github.com/simdrnn/simdrnn/dist"
	"github.com/simdrnn/simdrnn/finetune"
	"github.com/simdrnn/simdrnn/gru"
	"github.com/simdrnn/simdrnn/lstm"
	"github.com/simdrnn/simdrnn/nn"
	"github.com/simdrnn/simdrnn/rnn"
	"github.com/simdrnn/simdrnn/seq2seq"
)

// TestNilReceivers: what a failed constructor returns beside its error says so when it is used
// all the same, in each method that returns an error. archtest looks that the source of every such
// method has the check, those of new types too; here the methods are called.
func TestNilReceivers(t *testing.T) {
	for _, none := range []any{
		(*bptt.Trainer)(nil), (*bptt.Checkpoint)(nil), (*cell.Layer)(nil),
		(*data.Feed)(nil), (*data.Pairs)(nil), (*data.Records)(nil), (*data.Sequences)(nil), (*data.Stream)(nil), (*data.Text)(nil), (*data.Tokens)(nil), (*data.Vocabulary)(nil),
		(*decode.Sampler)(nil), (*decode.Searcher)(nil), (*dist.Sum)(nil), (*finetune.Adapted)(nil),
		(*gru.Layer)(nil), (*gru.Predictor)(nil), (*gru.Unrolled)(nil), (*lstm.Layer)(nil), (*lstm.Predictor)(nil), (*lstm.Unrolled)(nil), (*rnn.Layer)(nil), (*rnn.Predictor)(nil), (*rnn.Unrolled)(nil),
		(*nn.Blocks)(nil), (*nn.Embedding)(nil), (*nn.LayerNorm)(nil), (*nn.LearnedState)(nil), (*nn.Linear)(nil), (*nn.Model)(nil), (*nn.ModelPredictor)(nil),
		(*seq2seq.Attention)(nil), (*seq2seq.AttentionNet)(nil), (*seq2seq.Net)(nil), (*seq2seq.Predictor)(nil),
	} {
		v := reflect.ValueOf(none)
		called := 0
		for i := range v.NumMethod() {
			m, name := v.Method(i), v.Type().Method(i).Name
			n := m.Type().NumOut()
			if n == 0 || m.Type().Out(n-1) != reflect.TypeFor[error]() {
				continue
			}
			var args []reflect.Value
			for k := range m.Type().NumIn() {
				args = append(args, reflect.Zero(m.Type().In(k)))
			}
			require.NotPanics(t, func() {
				if m.Type().IsVariadic() {
					args = args[:len(args)-1]
				}
				err, _ := m.Call(args)[n-1].Interface().(error)
				require.Error(t, err, "%T.%s", none, name)
			}, "%T.%s", none, name)
			called++
		}
		require.NotZero(t, called, "%T", none)
	}
}
