// Package convert moves weights between the layers of this module and other
// libraries, one function pair for each way of writing them down: PyTorch,
// Keras, ONNX, oneDNN, haste. Those move numbers in memory. Files are read where
// they are safetensors or NumPy's .npz with PyTorch's names:
//
//	f, err := safetensors.Open("model.safetensors") // or npy.OpenArchive("model.npz")
//	net, report, err := convert.LoadLSTM(f, "encoder.rnn.")
//
// Inspect lists the layers of such a file, LoadLSTM, LoadGRU and LoadRNN make
// networks of them, FromSafetensors and FromNPZ fill one that is there, and
// ToSafetensors and ToNPZ go the other way. For another format write a File.
//
// Keras' models come and go in safetensors files too, by the script
// keras_safetensors.py in the folder of this package: InspectKeras, LoadKerasLSTM and
// the like, FromKerasFile, ToKerasLayers and ToKerasFile.
//
// An import fills a network that the caller made:
//
//	net, err := gru.NewZero(gru.Config{Input: 8, Hidden: 16, ResetBefore: true})
//	err = convert.FromKeras(net, layers) // of keras.layers.GRU(16, reset_after=False)
//
// The Config thus says which flavour is meant, and the import returns an error
// where the weights are of another one, leaving the network as it was. An
// export returns an error where the target has no way to say what the network
// does. Structure comes first: the number of layers, directions and shapes must
// agree.
//
// # Gates
//
//	         LSTM      GRU     weights        biases
//	here     i f g o   r z n   [G*H][width]   two
//	PyTorch  i f g o   r z n   [G*H][width]   two
//	Keras    i f c o   z r h   [width][G*H]   one; GRU with reset_after two
//	ONNX     i o f c   z r h   [G*H][width]   two, Wb then Rb
//	oneDNN   i f c o   u r o   ldigo, ldgoi   one; GRU with the reset after four groups
//	haste    i g f o   z r h   [width][G*H]   LSTM one, GRU two
//
// Where the target has one bias it gets fl(b_ih + b_hh), the number with which a
// gate's sum starts here as well. On the way back that number goes to b_ih, and
// +0 to b_hh. So what goes out and comes back gives the same outputs bit for
// bit, though it does not bring back the two biases. The candidate of a GRU
// whose reset acts after the product needs both: the gate multiplies one of
// them.
//
// No biases are written as absent or, where the target cannot leave them out, as
// zeros. A network with Config.NoBias takes only biases that are zero.
//
// # GRU
//
// All these libraries mix h = (1-z)*n + z*h. A network with Config.Textbook has
// z and 1-z exchanged, and sigmoid(-a) = 1 - sigmoid(a): its weights and biases
// of z change sign on the way, in both directions. With layer norm the gains of z
// do, in place of the weights.
//
// # Options
//
// What else a Config may ask for, and the libraries that have it:
//
//	Projection                       PyTorch (proj_size), oneDNN
//	Peephole                         ONNX (P), oneDNN
//	Coupled                          ONNX (input_forget)
//	Clip                             ONNX (clip)
//	LayerNorm                        haste
//	Zoneout                          haste
//	GateActivation and the like      ONNX; Keras, whose LSTM has one for candidate and output
//	CellClip, ZoneoutCell            none
//	Dropout, InputDropout            all, PyTorch the first only
//	HiddenDropout                    Keras' SimpleRNN; ONNX
//	WeightDropout                    haste; ONNX
//
// Everything else is refused, both ways, with two exceptions. The dropouts act in
// training alone, so they are no obstacle to an import; and since ONNX's operators
// are those of inference, they are none to an export to it. Numbers that are no
// weights and that a library has beside the layer, like the probability of a
// dropout, are the caller's to carry over.
package convert
