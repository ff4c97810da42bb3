"""The model of bench, trained by PyTorch's DistributedDataParallel over Gloo.

    python3 ddp.py RANKS

Sizes are those of bench without flags: 2 layers of 512 units, 32 steps, 64 rows over all
ranks, 96 symbols, one thread a rank. It prints a line as bench does.
"""

import os
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

HIDDEN, LAYERS, WINDOW, ROWS, SYMBOLS, UPDATES, WARM = 512, 2, 32, 64, 96, 10, 3


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(SYMBOLS, 64)
        self.lstm = torch.nn.LSTM(64, HIDDEN, LAYERS)
        self.out = torch.nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, ids, state):
        y, state = self.lstm(self.embedding(ids), state)
        return self.out(y), state


def train(rank, ranks):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29511")
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = torch.nn.parallel.DistributedDataParallel(Model())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rows = ROWS // ranks
    text = torch.randint(SYMBOLS, (WINDOW * (UPDATES + WARM) + 1, ROWS))[:, rank * rows:(rank + 1) * rows]
    state, begin = None, 0.0
    for update in range(UPDATES + WARM):
        if update == WARM:
            begin = time.perf_counter()
        at = update * WINDOW
        y, state = model(text[at:at + WINDOW], state)
        state = tuple(s.detach() for s in state)
        loss = torch.nn.functional.cross_entropy(y.reshape(-1, SYMBOLS), text[at + 1:at + WINDOW + 1].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - begin
    if rank == 0:
        parameters = sum(p.numel() for p in model.parameters())
        print(f"ranks {ranks} shards {ranks} rows {ROWS} parameters {parameters} tier ddp: "
              f"ms_per_update {1e3 * seconds / UPDATES:.2f} symbols_per_second {ROWS * WINDOW * UPDATES / seconds:.0f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    ranks = int(sys.argv[1])
    mp.spawn(train, args=(ranks,), nprocs=ranks)
