// Package bptt trains recurrent networks by back-propagation through time.
//
// It imports no cell. What it trains is a Net of package nn: any network that runs over T
// steps of B rows. [Train] and [Trainer] run the loop over a Source of package data, by a
// Loss of package loss and an Optimizer of package optim.
//
//	emb, _ := nn.NewEmbedding(256, 64, r)
//	rnn, _ := lstm.New(lstm.Config{Input: 64, Hidden: 256}, r)
//	out, _ := nn.NewLinear(256, 256, r)
//	net, _ := nn.Chain(emb, rnn.Unroll(64, 32), out)
//	source, _ := data.NewText(text, 32)
//	report, err := bptt.Train(ctx, net, source, bptt.Plan{
//		Window: 64, Optimizer: &optim.Adam{LR: 2e-3}, ClipNorm: 5, Loss: loss.CrossEntropy{}, Steps: 1000,
//	})
//
// # Full and truncated BPTT
//
// Without a Plan.Window every batch of the data is a set of whole sequences:
// the state starts at zero and the gradient flows through all steps. With a
// Window the data is read as a stream: the state is carried from step to step
// for as long as the stream lasts, and every Stride new steps the gradient is
// propagated back through the last Window of them. This is BPTT(h; h') of
// Williams and Peng (1990, "An efficient gradient-based algorithm for on-line
// training of recurrent network trajectories") with h = Window, h' = Stride:
// every target enters exactly one loss, that of the update for which it is
// new, and Window >= Stride says how far back that loss may reach. Stride =
// Window, the default, cuts the stream into consecutive windows, as is usual.
//
// A window that overlaps the one before it starts from the state that the
// earlier window reached at the same step, bit for bit; the Window-Stride
// steps they share are run again with the new weights.
//
// # Updates of several windows
//
// Plan.Accumulate makes an update from several windows, whose loss is the mean over
// terms that count in all of them: see Plan.Accumulate, and loss.Loss for what an
// implementation of Loss has to do.
//
// # Clipping and updates left out
//
// Plan.ClipValue, ClipTensor and ClipNorm limit elements, the norm of each parameter's
// gradient, and that of all (Pascanu, Mikolov and Bengio 2013, "On the difficulty of
// training recurrent neural networks"), with norms of any order (ClipP), summed in
// float64. Papers that sum the loss over time have limits for the gradient of that sum;
// Loss, ClipNorm and the learning rate go together.
// An update whose loss or gradient is not finite ends the training with a
// *NonFiniteError that names the update and the parameter, or is left out:
// Plan.SkipNonFinite.
//
// # Noise on the weights
//
// Plan.Noise adds noise to the weights for the way forward and back of each update, a
// regulariser for networks that learn their data by heart. The optimizer's step, callbacks,
// validations and files have the weights without it, and a resumed run goes on with the same
// noise: see WeightNoise.
//
// # Passes over the data
//
// A pass ends when the data says so, which is when the batch after its last one is asked
// for. Plan.OnEpoch is called there, between two updates, with the mean loss of the pass.
// An update of several windows may take some of the next pass: the end is told of after
// it. Data need not be wrapped to see the end.
//
// # Validation, early stop and the best parameters
//
// Plan.Validate looks at other data after so many updates or passes, tells schedules that
// observe it, ends the training when it has stopped getting better, and keeps the best
// parameters. The result of all that is part of checkpoints.
//
// # Files
//
// With Plan.Checkpoint Run writes its last and its best checkpoint, and ResumeLast goes on
// from the last: a program that is killed at any moment and started again ends with the
// weights, and the files, of one that was not. A program with files of its own calls Save
// between updates, and Resume.
//
// # Records
//
// Plan.Log writes records to a slog.Logger and metrics as lines of JSON.
//
// # Borrowed data
//
// NewTrainer and Evaluate begin at the beginning of an epoch, whatever the position of
// the Source is; Trainer.Resume continues in the middle. Evaluate leaves the Source and the
// net's state as they were, so that a run may be evaluated between its updates, on
// the data that it trains on too.
//
// # Settings
//
// A setting that is NaN, infinite or out of the range of float32 is an error that names
// it. NewTrainer returns it for a field, and the step that uses it for a value of a
// Schedule; the weights are then those of the last complete update.
//
// A Schedule may have more methods, which the Trainer uses when they are there:
//
//	Check() error, Reset()                     // called by NewTrainer
//	RateAt(step, epoch int64) float64          // optim.EpochSchedule: called in place of Rate, with the complete passes over the data
//	Observe(validationLoss float64)            // optim.Observer: called after each validation
//	MarshalBinary, UnmarshalBinary             // encoding.BinaryMarshaler and BinaryUnmarshaler: its state, for checkpoints
//
// # Random masks
//
// Dropout and zoneout of a net are on in training and off in Evaluate. Every window
// has masks of its own, also where steps are run again in the next one, and so has
// every batch that Plan.Accumulate adds up. Model.SetSeed sets the seed of the masks. A
// resumed run has the masks that the run would have had without the interruption.
//
// # Several processes
//
// Plan.Shards and Plan.Group train one net on several ranks: goroutines of one process, or
// processes on many machines (packages dist and dist/mpi). All ranks make the same calls of
// a Trainer. NewTrainer compares versions, plans, nets and data, and names the rank and
// what differs; Workers, Log, callbacks and folders may. So may the tiers of instruction
// sets: results have the same bits, Trainer.Tiers and Log tell which rank has which, and
// Plan.SameTiers makes a difference an error. Of a net it compares sizes, weights, and what
// else the layers and stages are set to; of types of a program the exported fields that are
// numbers, truths or strings. Where the version of the program or of this module is not that
// of a release or a commit, all ranks need the same file of the program, which is compared by
// its SHA-256.
//
// Callbacks are called on all ranks where they are set. An error, ErrStop or the end of a
// context on one of them ends the run on all, at the same update; the others return a
// *dist.RankError. So does an error of NewTrainer or Resume. What a program does by itself on
// each rank before, reading data say, it tells by dist.Agree. Ranks ask each other between updates, so a context does not end an
// update, nor an Accumulate, halfway. The first rank writes the files, while the others
// wait, and reads them in ResumeLast. A checkpoint holds the state of all shards, has the
// same bytes on any number of ranks, and resumes on any number.
//
// After an update that ended with an error the carried state of a run with shards is that
// before the update. A Loss has to be a sum over the rows of a batch, as those of package
// loss are.
//
// # Numbers
//
// Tensors are float32, time-major [T][B][width]. Every sum has one fixed order
// (rules 4, 7, 8 and 10 of the numerics contract), so for given data and seed
// the weights after n steps are the same bits on every instruction set,
// architecture and number of workers.
package bptt
