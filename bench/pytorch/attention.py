"""Writes the numbers that PyTorch gives for attention, as a golden file of the Go tests.

    venv/bin/python bench/pytorch/attention.py      (from the root of the repository)

See goldens.py about how: numbers from a seed, computed in float64, and once more in float32 to
show how far PyTorch itself is from them. Attention with the score "general" and "additive" is
written out in a few operations; that of "dot" is scaled_dot_product_attention with scale 1 and
a mask. Gradients are autograd's.
"""

import torch
import torch.nn.functional as F

from goldens import Draw, flat, write

QUERY, MEMORY, WIDTH, OUT = 5, 7, 6, 4
STEPS, SOURCE, BATCH = 4, 9, 3
LENGTHS = [4, 2, 3]
SOURCES = [9, 1, 6]


def cases():
    out = []
    for n, score in enumerate(["dot", "general", "additive"]):
        for vector in (0, OUT):
            draw = Draw(100 + 2 * n + (vector > 0))
            memory = QUERY if score == "dot" else MEMORY
            case = {"score": score, "query": QUERY, "memory": memory, "width": WIDTH if score == "additive" else 0, "out": vector,
                    "steps": STEPS, "source": SOURCE, "batch": BATCH, "lengths": LENGTHS, "sources": SOURCES,
                    "x": draw(STEPS, BATCH, QUERY), "m": draw(SOURCE, BATCH, memory), "params": {}}
            if score == "additive":
                case["params"]["query.weight"] = draw(WIDTH, QUERY)
                case["params"]["key.weight"] = draw(WIDTH, memory)
                case["params"]["vector"] = draw(WIDTH)
            if score == "general":
                case["params"]["key.weight"] = draw(QUERY, memory)
            if vector:
                case["params"]["out.weight"] = draw(vector, memory + QUERY)
            case["dy"] = draw(STEPS, BATCH, vector or memory + QUERY)
            out.append(case)
    return out


def run(case, dtype):
    x, m = (case[k].to(dtype).requires_grad_() for k in ("x", "m"))
    p = {k: v.to(dtype).requires_grad_() for k, v in case["params"].items()}
    q, k = x.transpose(0, 1), m.transpose(0, 1)  # [batch][...]
    inside = torch.arange(SOURCE)[None, :] < torch.tensor(SOURCES)[:, None]
    mask = inside[:, None, :].expand(BATCH, STEPS, SOURCE)
    if case["score"] == "dot":
        context = F.scaled_dot_product_attention(q, k, k, attn_mask=mask, scale=1.0)
        scores = q @ k.transpose(1, 2)
    elif case["score"] == "general":
        scores = q @ F.linear(k, p["key.weight"]).transpose(1, 2)
    else:
        both = F.linear(q, p["query.weight"])[:, :, None, :] + F.linear(k, p["key.weight"])[:, None, :, :]
        scores = torch.tanh(both) @ p["vector"]
    weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=2)
    if case["score"] != "dot":
        context = weights @ k
    y = torch.cat([context, q], dim=2)
    if case["out"]:
        y = torch.tanh(F.linear(y, p["out.weight"]))
    there = (torch.arange(STEPS)[None, :] < torch.tensor(LENGTHS)[:, None])[:, :, None]
    y = torch.where(there, y, torch.zeros_like(y)).transpose(0, 1)
    weights = torch.where(there, weights, torch.zeros_like(weights)).transpose(0, 1)
    (y * case["dy"].to(dtype)).sum().backward()
    out = {k: v for k, v in case.items() if not isinstance(v, (torch.Tensor, dict))}
    out.update(x=flat(case["x"]), m=flat(case["m"]), dy=flat(case["dy"]), params={k: flat(v) for k, v in case["params"].items()})
    out["want"] = {"y": flat(y), "weights": flat(weights), "dx": flat(x.grad), "dm": flat(m.grad), "grads": {k: flat(v.grad) for k, v in p.items()}}
    return out


if __name__ == "__main__":
    write("seq2seq/testdata/pytorch_attention.json", {"made_by": "bench/pytorch/attention.py"}, cases(), run)
