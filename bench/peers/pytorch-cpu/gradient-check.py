"""How far PyTorch's own float32 is from its float64: loss and gradients of one training pass of network S.

    npx mcgpu bench --workload S-100 --write-input S-100.safetensors
    python3 bench/peers/pytorch-cpu/gradient-check.py S-100.safetensors [mcgpu's --output.safetensors]
"""

import sys

import torch
import torch.nn.functional as F

from pytorch import NetworkS, read_tensors


def training_pass(tensors, dtype):
    tensors = {name: t.to(dtype) for name, t in tensors.items()}
    net = NetworkS().to(dtype)
    net.load(tensors)
    net.train()
    logits = net(tensors["x"])
    loss = sum(F.binary_cross_entropy_with_logits(l, tensors["target"]) for l in logits) / len(logits)
    loss.backward()
    named = {f"{n}.{part}": p.grad.double() for n, layer in net.named.items() for part, p in layer.named_parameters()}
    return {"loss": loss.detach().double().reshape(1), **{f"grad.{n}": g for n, g in named.items()}}


def scale(name, exact):
    """A bias in front of a batch norm has gradient 0: its rounding is measured against the gradient of the weights beside it."""
    return exact[name.replace(".bias", ".weight") if ".conv" in name else name].norm()


def report(title, found, exact):
    gradients = [n for n in exact if n != "loss"]
    loss = ((found["loss"].double() - exact["loss"]) / exact["loss"]).abs().item()
    off = {n: (found[n].double() - exact[n]).norm() for n in gradients}
    whole = torch.stack(list(off.values())).norm() / torch.stack([exact[n].norm() for n in gradients]).norm()
    relative = {n: (off[n] / scale(n, exact)).item() for n in gradients}
    worst = max(relative, key=relative.get)
    print(f"{title}: loss {loss:.2e}, gradient {whole:.2e}, worst array {relative[worst]:.2e} ({worst})")


inputs = read_tensors(sys.argv[1])
exact = training_pass(inputs, torch.float64)
report("PyTorch float32", training_pass(inputs, torch.float32), exact)
if len(sys.argv) > 2:
    report(sys.argv[2], read_tensors(sys.argv[2]), exact)
