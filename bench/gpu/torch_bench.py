#!/usr/bin/env python3
"""PyTorch at the work that melgrad's benchmark does on a GPU: square matrix products, and the pre-training step of the presets
`demo` and `small`, by precision and mode. The model is melgrad's own: pre-LayerNorm, exact GELU, timm's parameter names, the two
heads and both losses, clipping and AdamW.

    python3 bench/gpu/torch_bench.py --json torch.json              on a GPU
    python3 bench/gpu/torch_bench.py --device cpu --quick           a try on a processor
    python3 bench/gpu/torch_bench.py --check step.safetensors       losses equal to melgrad's? (export-step.mjs writes the file)

Needs only torch, 1.13 or newer; torch.compile is used where it exists."""
import argparse
import json
import math
import platform
import statistics
import struct
import sys
import time
from contextlib import nullcontext
from datetime import datetime, timezone

import torch
from torch import nn
from torch.nn import functional as F

MELS, PATCH = 128, 16
PRESETS = {
    "demo": {"frames": 128, "width": 96, "layers": 4, "heads": 4, "ratio": 4, "batch": 8},
    "small": {"frames": 256, "width": 384, "layers": 12, "heads": 6, "ratio": 4, "batch": 16},
}
MASK_RATIO, RECONSTRUCT_WEIGHT, CLIP_NORM = 0.6, 10, 1
MEAN, STD = 0.5, 0.3


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        size = width // self.heads
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(size), dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Mlp(nn.Module):
    def __init__(self, width, ratio):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), Mlp(width, ratio)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Patchifier(nn.Module):
    """Crops [B, mels, frames] and the masked tokens → loss, InfoNCE, reconstruction."""

    def __init__(self, frames, width, layers, heads, ratio, **_):
        super().__init__()
        tokens, values = (MELS // PATCH) * (frames // PATCH), PATCH * PATCH
        self.pos_embed = nn.Parameter(torch.empty(tokens, width))
        self.mask_token = nn.Parameter(torch.empty(width))
        self.patch_embed = nn.Linear(values, width)
        self.blocks = nn.ModuleList([Block(width, heads, ratio) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, values))
                for name in ("contrast", "reconstruct")
            }
        )
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "norm" in name:
                nn.init.ones_(parameter)
            else:
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, crops, masked, rows):
        batch, _, frames = crops.shape
        cut = crops.view(batch, MELS // PATCH, PATCH, frames // PATCH, PATCH).permute(0, 3, 1, 2, 4)
        patches = ((cut - MEAN) / (2 * STD)).reshape(batch, -1, PATCH * PATCH)
        values, width = patches.shape[-1], self.mask_token.shape[0]
        x = self.patch_embed(patches)
        x = torch.where(masked, self.mask_token.to(x.dtype), x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        encoded = self.norm(x).reshape(-1, width).index_select(0, rows)
        targets = patches.reshape(-1, values).index_select(0, rows)
        predicted = self.heads["contrast"](encoded).view(batch, -1, values)
        logits = targets.view(batch, -1, values) @ predicted.transpose(1, 2) / math.sqrt(values)
        count = logits.shape[1]
        same = torch.arange(count, device=crops.device).repeat(batch)
        contrast = F.cross_entropy(logits.reshape(-1, count).float(), same)
        reconstruct = F.mse_loss(self.heads["reconstruct"](encoded).float(), targets)
        return contrast + RECONSTRUCT_WEIGHT * reconstruct, contrast, reconstruct


class Training:
    """A model with its optimiser; `step` is what is timed, uploads included."""

    def __init__(self, preset, device, precision="fp32", compiled=False, lr=1e-4, fused=True):
        self.device = device
        self.model = Patchifier(**preset).to(device)
        self.forward = torch.compile(self.model) if compiled else self.model
        extra = {"fused": True} if fused and device.type == "cuda" else {}
        groups = self.model.parameters()
        self.optimizer = torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), weight_decay=0.05, **extra)
        low = {"bf16": torch.bfloat16, "f16": torch.float16}.get(precision)
        self.context = (lambda: torch.autocast(device.type, dtype=low)) if low else nullcontext

    def upload(self, tensor):
        return tensor.to(self.device, non_blocking=True)

    def step(self, crops, masked, rows):
        with self.context():
            losses = self.forward(self.upload(crops), self.upload(masked), self.upload(rows))
        self.optimizer.zero_grad(set_to_none=True)
        losses[0].backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        return losses


def noise_batch(preset, batch, pin):
    tokens = (MELS // PATCH) * (preset["frames"] // PATCH)
    count = round(tokens * MASK_RATIO)
    crops = torch.rand(batch, MELS, preset["frames"])
    places = torch.stack([torch.randperm(tokens)[:count].sort().values for _ in range(batch)])
    masked = torch.zeros(batch, tokens, 1, dtype=torch.bool)
    masked.scatter_(1, places.unsqueeze(-1), True)
    rows = (places + tokens * torch.arange(batch).unsqueeze(1)).reshape(-1)
    made = (crops, masked, rows)
    return tuple(tensor.pin_memory() for tensor in made) if pin else made


def step_flops(preset, batch):
    """The count of src/bench/flops.ts."""
    tokens, values = (MELS // PATCH) * (preset["frames"] // PATCH), PATCH * PATCH
    masked, width = round(tokens * MASK_RATIO), preset["width"]
    every = batch * tokens
    embed = 2 * every * values * width
    layer = 2 * every * width * (4 + 2 * preset["ratio"]) * width + 4 * every * tokens * width
    head = 2 * batch * masked * width * (width + values)
    contrast = 2 * batch * masked * masked * values
    return 2 * embed + 3 * preset["layers"] * layer + 3 * 2 * head + 2 * contrast


def samples(work, device, runs, warm=3, together=1):
    """Milliseconds a call, each sample ending when the device is done."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for _ in range(warm):
        work()
    times = []
    for _ in range(runs):
        wait()
        start = time.perf_counter()
        for _ in range(together):
            work()
        wait()
        times.append(1000 * (time.perf_counter() - start) / together)
    return times


def set_tf32(allowed):
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def precisions_on(device, wanted):
    """tf32 is the GPU's; half precision on a processor is slow and, before torch 2, partly missing."""
    return [each for each in wanted if device.type == "cuda" or each in ("fp32", "bf16")]


def bench_matmul(options, device, emit):
    types = {"bf16": torch.bfloat16, "f16": torch.float16}
    for size in options.sizes:
        for precision in precisions_on(device, options.precisions):
            set_tf32(precision == "tf32")
            a, b = (torch.rand(size, size, device=device).to(types.get(precision, torch.float32)) for _ in "ab")
            together = 10 if device.type == "cuda" else 1
            emit(f"matmul {size}", precision, "eager", samples(lambda: a @ b, device, options.runs, together=together), 2 * size**3)


def bench_steps(options, device, emit):
    modes = ["eager"] + (["compile"] if hasattr(torch, "compile") and "compile" in options.modes else [])
    for name in options.presets:
        preset = PRESETS[name]
        batch = options.batch or preset["batch"]
        inputs = noise_batch(preset, batch, pin=device.type == "cuda")
        for precision in precisions_on(device, options.precisions):
            set_tf32(precision == "tf32")
            for mode in modes:
                try:
                    training = Training(preset, device, precision, compiled=mode == "compile")
                    times = samples(lambda: training.step(*inputs), device, options.runs, warm=5)
                except Exception as error:  # a compiler that is missing something must not end the run
                    print(f"train_step_{name} {precision} {mode}: {error}".split("\n")[0], file=sys.stderr)
                    continue
                emit(f"train_step_{name} ({batch} clips)", precision, mode, times, step_flops(preset, batch))


def read_safetensors(path):
    kinds = {"F32": torch.float32, "I32": torch.int32}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    meta = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(body[first:last]), dtype=kinds[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, meta


def check(path, device):
    """The same weights, crops and masks as melgrad's, and its losses step by step."""
    tensors, meta = read_safetensors(path)
    given = {name: tensors.pop(name) for name in ("input.crops", "input.masked", "input.rows", "output.losses")}
    preset = PRESETS[meta["preset"]]
    set_tf32(False)
    training = Training(preset, device, lr=float(meta["lr"]))
    training.model.load_state_dict(tensors, strict=True)
    inputs = (given["input.crops"], given["input.masked"] > 0.5, given["input.rows"].long())
    worst = 0.0
    for number, expected in enumerate(given["output.losses"].tolist()):
        found = [loss.item() for loss in training.step(*inputs)]
        worst = max(worst, *(abs(a - b) / max(1, abs(b)) for a, b in zip(found, expected)))
        print(f"step {number}: loss {found[0]:.6f}, melgrad {expected[0]:.6f}")
    print(f"torch {torch.__version__}: {len(tensors)} tensors by name; largest difference {worst:.1e}")
    if not worst <= 1e-4:
        sys.exit("the losses differ by more than 1e-4")
    print("losses equal to 1e-4")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", help="write the numbers to a file")
    parser.add_argument("--suites", nargs="+", default=["matmul", "step"], choices=["matmul", "step"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[1024, 4096])
    parser.add_argument("--presets", nargs="+", default=["demo", "small"], choices=list(PRESETS))
    parser.add_argument("--precisions", nargs="+", default=["fp32", "tf32", "bf16", "f16"])
    parser.add_argument("--modes", nargs="+", default=["eager", "compile"])
    parser.add_argument("--batch", type=int, help="clips a step (default: the preset's)")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="small sizes, few runs: to see that it works")
    parser.add_argument("--check", metavar="FILE", help="compare losses with those that export-step.mjs wrote, and stop")
    options = parser.parse_args()
    device = torch.device(options.device)
    if options.check:
        check(options.check, device)
        return
    if options.quick:
        options.sizes, options.presets, options.runs = [256], ["demo"], 3
        options.batch = options.batch or 2
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "processor"
    report = {
        "date": datetime.now(timezone.utc).isoformat(),
        "device": name,
        "versions": {"torch": torch.__version__, "cuda": torch.version.cuda, "python": platform.python_version()},
        "rows": [],
    }
    print(f"torch {torch.__version__} on {name}")

    def emit(case, precision, mode, times, flops):
        ms = statistics.median(times)
        row = {"case": case, "precision": precision, "mode": mode, "ms": ms, "minMs": min(times), "tflops": flops / ms / 1e9}
        report["rows"].append(row)
        print(f"{case:26} {precision:5} {mode:8} {ms:10.3f} ms  min {min(times):10.3f}  {row['tflops']:8.3f} TFLOP/s", flush=True)
        if options.json:
            with open(options.json, "w") as file:
                json.dump(report, file, indent=1)

    torch.manual_seed(0)
    if "matmul" in options.suites:
        bench_matmul(options, device, emit)
    if "step" in options.suites:
        bench_steps(options, device, emit)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
