// Package finetune takes a trained network to another task: it loads parameters by name,
// says what matched, and trains small adapters in place of large matrices.
//
//	report, err := finetune.Load(net, file, finetune.Options{Partial: true})
//	adapted, err := finetune.Adapt(net, finetune.LowRank{Match: []string{"*.weight_*"}, Rank: 8}, r)
//	_, err = bptt.Train(ctx, adapted, source, plan)
//	err = adapted.SaveFile("adapters.safetensors") // kilobytes
//	adapted.Merge()                                // net has the adapted weights
//
// Load fills a net from a file of tensors (a *safetensors.File, an *npy.Archive) or from
// another net (FromNet). A network whose last stage is another one is a new Chain over the
// same layers: what was there keeps its name, and the new stage is in the report as Missing
// or Misfit.
//
// Rates that differ by layer, and parameters that stay as they are, are groups of package
// optim. A larger vocabulary is a larger Embedding.
package finetune
