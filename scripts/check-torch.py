#!/usr/bin/env python3
"""Opens the model.safetensors of a run's folder or of a released model (models/NAME, by its name) in PyTorch, loads the
encoder's weights by name into a plain torch.nn model, and compares its embeddings with melgrad's for the same patches.

    node scripts/export-embeddings.mjs MODEL out.safetensors
    python3 scripts/check-torch.py MODEL out.safetensors

Needs only torch (Debian: python3-torch)."""
import json
import math
import os
import struct
import sys
from pathlib import Path

import torch
from torch import nn


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        first, last = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(body[first:last]), dtype=torch.float32)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Block(nn.Module):
    """A pre-LayerNorm transformer block with packed q, k, v, under timm's names."""

    def __init__(self, width, heads, ratio):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, ratio * width), "fc2": nn.Linear(ratio * width, width)})

    def forward(self, x):
        batch, tokens, width = x.shape
        size = width // self.heads
        q, k, v = self.attn["qkv"](self.norm1(x)).view(batch, tokens, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(size), dim=-1)
        x = x + self.attn["proj"]((weights @ v).transpose(1, 2).reshape(batch, tokens, width))
        return x + self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm2(x))))


class Patchifier(nn.Module):
    def __init__(self, tokens, values, width, layers, heads, ratio):
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(tokens, width))
        self.mask_token = nn.Parameter(torch.empty(width))
        self.patch_embed = nn.Linear(values, width)
        self.blocks = nn.ModuleList([Block(width, heads, ratio) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def embed(self, patches):
        x = self.patch_embed(patches) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x).mean(1)


def folder_of(model):
    """A folder by its path, else a released model by its name."""
    models = os.environ.get("MELGRAD_MODELS") or Path(__file__).resolve().parent.parent / "models"
    released = Path(models) / model
    return Path(model) if Path(model).is_dir() or not released.is_dir() else released


def load(folder):
    """The encoder of a model's folder, with how many of its tensors are an objective's and were left aside."""
    model = json.loads((folder / "config.json").read_text())["model"]
    weights = read_safetensors(folder / "model.safetensors")
    tokens, _ = weights["pos_embed"].shape
    _, values = weights["patch_embed.weight"].shape
    encoder = Patchifier(tokens, values, model["width"], model["layers"], model["heads"], int(model["mlpRatio"]))
    own = {name: weights[name] for name in encoder.state_dict() if name in weights}
    encoder.load_state_dict(own, strict=True)
    return encoder, len(weights) - len(own)


def main(model, exported):
    torch_model, others = load(folder_of(model))
    ours = read_safetensors(exported)
    with torch.no_grad():
        theirs = torch_model.embed(ours["patches"])
    worst = (theirs - ours["embeddings"]).abs().max().item()
    scale = theirs.abs().max().item()
    aside = f"; {others} of the objective left aside" if others else ""
    print(f"torch {torch.__version__}: {len(torch_model.state_dict())} tensors loaded by name, strict{aside}")
    print(f"{len(theirs)} clips, width {theirs.shape[1]}: largest difference {worst:.2e} (largest value {scale:.2f})")
    assert worst <= 1e-4, "the embeddings differ by more than 1e-4"
    print("equal to 1e-4")


if __name__ == "__main__":
    main(*sys.argv[1:3])
