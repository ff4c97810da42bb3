package convert

import "github.com/simdrnn/simdrnn/convert/npy"

// FromNPZ is FromSafetensors for an .npz file whose arrays have PyTorch's names:
//
//	np.savez("model.npz", **{k: v.numpy() for k, v in model.state_dict().items()})
//
// Elements may be floats, integers and bools.
func FromNPZ[N Network](net N, f *npy.Archive, prefix string) (Report, error) {
	return fromFile(net, f, prefix)
}

// ToNPZ is ToSafetensors for npy.WriteArchive and WriteArchiveFile. In Python:
//
//	layer.load_state_dict({k: torch.from_numpy(v) for k, v in np.load("model.npz").items()})
func ToNPZ[N Network](net N, prefix string) ([]npy.Array, error) {
	named, err := toFile(net, prefix, "npz")
	if err != nil {
		return nil, err
	}
	var list []npy.Array
	for _, t := range named {
		list = append(list, npy.Array{Name: t.name, Shape: t.Shape, Float32: t.Data})
	}
	return list, nil
}
