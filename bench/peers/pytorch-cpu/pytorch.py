"""PyTorch on the CPU as a peer of `mcgpu bench`; the protocol is described in ../lib/protocol.mjs."""

import argparse
import json
import platform
import sys
import time

START = time.perf_counter()

import numpy as np
import torch
import torch.nn.functional as F

ENCODER = [8, 16, 32, 64, 128]
BRANCH = 8
FUSION = 40
CHANNELS = 3
OPS = {
    "T": ["train-step"],
    "TL": ["train-step"],
    "I": ["infer"],
    "IL": ["infer"],
    "M": ["conv3x3", "conv3x3-grad-input", "conv3x3-grad-weight", "bilinear-x4", "max-pool-2"],
}


def read_tensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: tensor '{name}' is {entry['dtype']}, expected F32.")
        tensors[name] = torch.from_numpy(np.frombuffer(data[begin:end], "<f4").copy().reshape(entry["shape"]))
    return tensors


def write_tensors(path, tensors):
    header, chunks, end = {}, [], 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name].detach().numpy(), "<f4")
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        chunks.append(array.tobytes())
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(chunks))


class ConvBnRelu(torch.nn.Module):
    def __init__(self, conv, bn):
        super().__init__()
        self.conv, self.bn = conv, bn

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class NetworkS(torch.nn.Module):
    """UNet3+ of src/model/unet3plus.ts with the widths of the paper divided by 8."""

    def __init__(self):
        super().__init__()
        self.named = {}  # layers by their names in the files
        layer = self.layer
        self.encoder = []
        for k, width in enumerate(ENCODER):
            first = layer(f"enc.{k}.conv.0", f"enc.{k}.bn.0", ENCODER[k - 1] if k else 1, width)
            self.encoder.append((first, layer(f"enc.{k}.conv.1", f"enc.{k}.bn.1", width, width)))
        self.branches, self.fusions = [], []
        for k in range(4):
            widths = [ENCODER[s] if s <= k or s == 4 else FUSION for s in range(5)]
            self.branches.append([layer(f"dec.{k}.branch.{s}.conv", f"dec.{k}.branch.{s}.bn", w, BRANCH) for s, w in enumerate(widths)])
            self.fusions.append(layer(f"dec.{k}.fuse.conv", f"dec.{k}.fuse.bn", 5 * BRANCH, FUSION))
        self.heads = [self.conv(f"head.{k}", ENCODER[4] if k == 4 else FUSION, CHANNELS) for k in range(5)]

    def conv(self, name, inputs, outputs):
        self.named[name] = torch.nn.Conv2d(inputs, outputs, 3, padding=1)
        self.add_module(name.replace(".", "_"), self.named[name])
        return self.named[name]

    def layer(self, conv, bn, inputs, outputs):
        self.named[bn] = torch.nn.BatchNorm2d(outputs)
        self.add_module(bn.replace(".", "_"), self.named[bn])
        return ConvBnRelu(self.conv(conv, inputs, outputs), self.named[bn])

    def load(self, tensors):
        with torch.no_grad():
            for name, layer in self.named.items():
                for part in layer.state_dict():
                    if part != "num_batches_tracked":
                        getattr(layer, part).copy_(tensors[f"{name}.{part}"])

    def fold(self):
        """Multiplies every batch norm into the convolution before it, as torch.nn.utils.fusion does."""
        layers = [part for pair in self.encoder for part in pair] + [b for node in self.branches for b in node] + self.fusions
        for layer in layers:
            layer.conv = torch.nn.utils.fusion.fuse_conv_bn_eval(layer.conv, layer.bn)
            layer.bn = torch.nn.Identity()

    def forward(self, x, heads=5):
        maps = []
        for k, (first, second) in enumerate(self.encoder):
            maps.append(second(first(F.max_pool2d(maps[-1], 2) if k else x)))
        for k in (3, 2, 1, 0):
            size = maps[k].shape[2:]
            sized = [F.max_pool2d(m, 2 ** (k - s)) if s < k else resized(m, size) if s > k else m for s, m in enumerate(maps)]
            maps[k] = self.fusions[k](torch.cat([branch(m) for branch, m in zip(self.branches[k], sized)], 1))
        logits = [head(m) for head, m in zip(self.heads[:heads], maps)]
        return [resized(l, x.shape[2:]) if k else l for k, l in enumerate(logits)]


def resized(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def upsample(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def train_step(tensors):
    net = NetworkS()
    net.load(tensors)
    net.train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    x, target = tensors["x"], tensors["target"]
    results = {}

    def run():
        optimizer.zero_grad(set_to_none=True)
        logits = net(x)
        loss = sum(F.binary_cross_entropy_with_logits(l, target) for l in logits) / len(logits)
        loss.backward()
        if not results:
            results["loss"] = loss.detach().reshape(1).clone()
            for name, layer in net.named.items():
                results.update({f"grad.{name}.{part}": p.grad.clone() for part, p in layer.named_parameters()})
        optimizer.step()
        loss.item()

    return run, lambda: results


def infer(tensors):
    net = NetworkS()
    net.load(tensors)
    net.eval()
    net.fold()
    results = {}

    def run():
        with torch.inference_mode():
            results["logits"] = net(tensors["x"], heads=1)[0]

    return run, lambda: results


def kernel(op, tensors):
    results = {}
    if op == "bilinear-x4":
        function = lambda: upsample(tensors["small"], 4)
    elif op == "max-pool-2":
        function = lambda: F.max_pool2d(tensors["x"], 2)
    else:
        x, weight, bias, dy = (tensors[name] for name in ("x", "weight", "bias", "dy"))
        function = {
            "conv3x3": lambda: F.conv2d(x, weight, bias, padding=1),
            "conv3x3-grad-input": lambda: torch.nn.grad.conv2d_input(x.shape, weight, dy, padding=1),
            "conv3x3-grad-weight": lambda: convolution_backward(x, weight, dy),
        }[op]

    def run():
        with torch.no_grad():
            results["y"] = function()

    return run, lambda: results


def convolution_backward(x, weight, dy):
    """The gradient by the weight, from the operation that autograd runs: `torch.nn.grad.conv2d_weight` of 1.13 is a slower detour."""
    mask = [False, True, False]
    return torch.ops.aten.convolution_backward(dy, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)[1]


def prepare(op, tensors):
    if op == "train-step":
        return train_step(tensors)
    return infer(tensors) if op == "infer" else kernel(op, tensors)


def show(**line):
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True, choices=OPS)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--adapter")
    parser.add_argument("--reps")
    args = parser.parse_args()
    open_seconds = time.perf_counter() - START
    tensors = read_tensors(args.input)
    ready, outputs = {}, {}
    for op in OPS[args.workload]:
        try:
            start = time.perf_counter()
            run, results = prepare(op, tensors)
            run()
            first = open_seconds + time.perf_counter() - start
            for name, tensor in results().items():
                key = f"y.{op}" if name == "y" else name
                outputs[key] = tensor.clone()
                if name == "y":
                    outputs.setdefault("y", outputs[key])
            ready[op] = run
            show(op=op, firstMs=1000 * first, gpuBytesPeak=None)
        except Exception as error:  # every failure is a row
            show(op=op, error=str(error) or type(error).__name__)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        op = line.strip()[len("rep ") :]
        try:
            run = ready[op]
        except KeyError:
            show(op=op, error=f'"{line.strip()}": no such op is ready.')
            continue
        try:
            start = time.perf_counter()
            run()
            show(op=op, ms=1000 * (time.perf_counter() - start))
        except Exception as error:
            show(op=op, error=str(error) or type(error).__name__)
    write_tensors(args.output, outputs)
    adapter = f"CPU ({platform.processor() or platform.machine()}, {torch.get_num_threads()} threads)"
    show(done=True, gpuBytesPeak=None, version=torch.__version__, adapter=adapter)


if __name__ == "__main__":
    main()
