package convert

import "github.com/simdrnn/simdrnn/convert/safetensors"

// FromSafetensors sets the weights of net to the tensors of f under the prefix, as
// LoadLSTM does, and as FromPyTorch refuses it. With an error net is as it was: the
// weights are read to memory of their own first.
func FromSafetensors[N Network](net N, f *safetensors.File, prefix string) (Report, error) {
	return fromFile(net, f, prefix)
}

// ToSafetensors returns the parameters of net under PyTorch's names behind a prefix,
// to be written by safetensors.Write or WriteFile, together with those of other
// layers. Their Data is the memory of the parameters, but for a GRU with
// Config.Textbook, of which it is a copy. A torch.nn.LSTM, GRU or RNN takes them by
// load_state_dict. It returns an error where ToPyTorch does.
func ToSafetensors[N Network](net N, prefix string) ([]safetensors.Tensor, error) {
	named, err := toFile(net, prefix, "safetensors")
	if err != nil {
		return nil, err
	}
	var list []safetensors.Tensor
	for _, t := range named {
		list = append(list, safetensors.Tensor{Name: t.name, Shape: t.Shape, Data: t.Data})
	}
	return list, nil
}
