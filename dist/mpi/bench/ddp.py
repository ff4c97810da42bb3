"""The model of bench, trained by PyTorch's DistributedDataParallel over Gloo.

    python3 ddp.py RANKS '{"hidden": 512, "layers": 2, "window": 32, "rows": 64, "updates": 10, "warm": 3}'

rows are those of all ranks. Each rank is bound to a processor and has one thread. Rank 0 prints
a measurement as bench does. waiting_share is the time beyond that of the same updates without
sums over the ranks (no_sync), bytes_per_update what the loopback device has sent, by rank.
"""

import json
import os
import sys
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

SYMBOLS, EMBEDDED = 96, 64


class Model(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding = torch.nn.Embedding(SYMBOLS, EMBEDDED)
        self.lstm = torch.nn.LSTM(EMBEDDED, size["hidden"], size["layers"])
        self.out = torch.nn.Linear(size["hidden"], SYMBOLS)

    def forward(self, ids, state):
        y, state = self.lstm(self.embedding(ids), state)
        return self.out(y), state


def loopback():
    """The bytes that the loopback device has sent."""
    try:
        with open("/proc/net/dev") as f:
            for line in f:
                name, _, numbers = line.partition(":")
                if name.strip() == "lo":
                    return int(numbers.split()[8])
    except OSError:
        pass
    return 0


def train(rank, ranks, size, meeting):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) >= ranks:
        os.sched_setaffinity(0, {cpus[rank]})
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=ranks)
    torch.manual_seed(1)
    model = torch.nn.parallel.DistributedDataParallel(Model(size))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rows, window, updates, warm = size["rows"] // ranks, size["window"], size["updates"], size["warm"]
    text = torch.randint(SYMBOLS, (window * (updates + warm) + 1, size["rows"]))[:, rank * rows:(rank + 1) * rows]

    def update(at, state):
        y, state = model(text[at:at + window], state)
        loss = torch.nn.functional.cross_entropy(y.reshape(-1, SYMBOLS), text[at + 1:at + window + 1].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return tuple(s.detach() for s in state)

    def run():
        """Seconds of the updates, and the bytes sent meanwhile."""
        state = None
        for n in range(warm):
            state = update(n * window, state)
        dist.barrier()
        sent, begin = loopback(), time.perf_counter()
        for n in range(warm, warm + updates):
            state = update(n * window, state)
        seconds = time.perf_counter() - begin
        dist.barrier()
        return seconds, loopback() - sent

    seconds, sent = run()
    with model.no_sync():
        alone, _ = run()
    if rank == 0:
        print(json.dumps({
            "ranks": ranks,
            "parameters": sum(p.numel() for p in model.parameters()),
            "seconds_per_update": seconds / updates,
            "symbols_per_second": rows * ranks * window * updates / seconds,
            "exchange_share": 0,
            "waiting_share": max(0, 1 - alone / seconds) if ranks > 1 else 0,
            "bytes_per_update": sent // updates // ranks if ranks > 1 else 0,
            "library": "PyTorch " + torch.__version__,
        }), flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    ranks, size = int(sys.argv[1]), json.loads(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(train, args=(ranks, size, os.path.join(folder, "meeting")), nprocs=ranks)
