#!/usr/bin/env python3
"""Writes test/golden/set: small reference cases computed in float64 with NumPy and SciPy alone, independently of the engine
and of any framework. Formulas are written out plainly; gradients come from central differences of the same function in
extended precision, so that no gradient rule is written twice. Run it again only to change the set; the same NumPy gives the
same files."""
import hashlib
import json
import math
import pathlib
import struct

import numpy as np
from scipy import special

ROOT = pathlib.Path(__file__).resolve().parent.parent / "test" / "golden" / "set"
WIDE = np.longdouble
rng = np.random.default_rng(21015988)


# ------------------------------------------------------------------ the functions
def softmax(x, dim):
    e = np.exp(x - x.max(axis=dim, keepdims=True))
    return e / e.sum(axis=dim, keepdims=True)


def log_softmax(x, dim):
    shifted = x - x.max(axis=dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))


def erf(x):
    """erf in the precision of x: its Taylor series where |x| < 4, with the terms summed in that precision."""
    x = np.asarray(x, WIDE)
    total, term = x.copy(), x.copy()
    for n in range(1, 120):
        term = term * -x * x / n
        total = total + term / (2 * n + 1)
    out = total * 2 / np.sqrt(WIDE(np.pi))
    assert np.allclose(out.astype(float), special.erf(x.astype(float)), atol=1e-9)
    return out


def layer_norm(t, p):
    x = t["x"]
    centred = x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + WIDE(p["eps"]))
    return y * t["weight"] + t["bias"]


def attention(t, _):
    q, k, v = t["q"], t["k"], t["v"]
    scores = np.einsum("bhid,bhjd->bhij", q, k) / np.sqrt(WIDE(q.shape[-1]))
    if "mask_add" in t:
        scores = scores + t["mask_add"]
    return np.einsum("bhij,bhjd->bhid", softmax(scores, -1), v)


def cross_entropy(t, p):
    logits, target = t["logits"], t["target"]
    logs = log_softmax(logits, -1)
    kept = target != p["ignore_index"]
    s = WIDE(p["label_smoothing"])
    rows = np.arange(len(target))[kept]
    losses = -(1 - s) * logs[rows, target[kept]] - s * logs[kept].mean(-1)
    return losses.mean()


def infonce(t, p):
    logits = np.einsum("...id,...jd->...ij", t["x"], t["c"]) / WIDE(p["tau"])
    logs = log_softmax(logits, -1)
    return -np.diagonal(logs, axis1=-2, axis2=-1).mean()


def conv2d(t, p):
    x, w = t["x"], t["weight"]
    (sy, sx), (py, px) = p["stride"], p["padding"]
    x = np.pad(x, [(0, 0), (0, 0), (py, py), (px, px)])
    kh, kw = w.shape[2:]
    rows = range(0, x.shape[2] - kh + 1, sy)
    columns = range(0, x.shape[3] - kw + 1, sx)
    out = np.zeros((x.shape[0], w.shape[0], len(rows), len(columns)), x.dtype)
    for i, y0 in enumerate(rows):
        for j, x0 in enumerate(columns):
            out[:, :, i, j] = np.einsum("bcyx,ocyx->bo", x[:, :, y0:y0 + kh, x0:x0 + kw], w)
    return out + t["bias"][None, :, None, None]


def scatter_add(t, p):
    out = t["x"].copy()
    index = list(np.indices(t["index"].shape))
    index[p["dim"]] = t["index"]
    np.add.at(out, tuple(index), t["src"])
    return out


def cosine(t, p):
    size = lambda v: np.maximum(np.sqrt((v ** 2).sum(p["dim"], keepdims=True)), WIDE(p["eps"]))
    return (t["a"] / size(t["a"]) * (t["b"] / size(t["b"]))).sum(p["dim"])


def swap(x, yes):
    return np.swapaxes(x, -1, -2) if yes else x


def stft(x, p):
    """|STFT|² of a waveform by the definition: a sum over samples for every frequency and frame."""
    n, hop = p["n_fft"], p["hop_length"]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    mode = {"reflect": "reflect", "constant": "constant"}[p["pad_mode"]]
    x = np.pad(x.astype(np.float64), n // 2, mode=mode)
    frames = np.stack([x[i:i + n] * window for i in range(0, len(x) - n + 1, hop)])
    basis = np.exp(-2j * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(n)) / n)
    return np.abs(basis @ frames.T) ** 2


def mel_of_hertz(f):
    return np.where(f < 1000, 3 * f / 200, 15 + np.log(np.maximum(f, 1) / 1000) / (np.log(6.4) / 27))


def hertz_of_mel(m):
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))


def slaney_filters(p):
    """Triangles between edges that are equally spaced on Slaney's mel scale, each of area one."""
    bins = np.linspace(0, p["sample_rate"] // 2, p["n_fft"] // 2 + 1)
    edges = hertz_of_mel(np.linspace(mel_of_hertz(p["f_min"]), mel_of_hertz(p["f_max"]), p["n_mels"] + 2))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    return triangles * 2 / (high - low)


def adamw(t, p):
    """Decoupled weight decay: w ← w(1 - lr·λ) - lr·m̂/(√v̂ + ε)."""
    w = t["param_0"].astype(np.float64)
    m, v, out = np.zeros_like(w), np.zeros_like(w), []
    (b1, b2), lr = p["betas"], p["lr"]
    for k, g in enumerate(t["grad_0"].astype(np.float64), 1):
        w = w * (1 - lr * p["weight_decay"])
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        w = w - lr * (m / (1 - b1 ** k)) / (np.sqrt(v / (1 - b2 ** k)) + p["eps"])
        out.append(w)
    return np.stack(out)


# ------------------------------------------------------------------ writing
tensors, cases = {}, []


def put(file, name, value):
    value = np.asarray(value)
    value = np.ascontiguousarray(value, np.int32 if value.dtype.kind in "iub" else np.float32).reshape(value.shape)
    tensors.setdefault(file, {})[name] = value
    return {"tensor": name, "dtype": "I32" if value.dtype == np.int32 else "F32", "shape": list(value.shape)}


def expect(file, name, value, rtol, fraction, floor):
    """atol: a fraction of the largest value, at least `floor`."""
    value = np.asarray(value)
    atol = max(floor, fraction * float(np.abs(value).max(initial=0)))
    return {**put(file, name, value), "rtol": rtol, "atol": float("%.2g" % atol)}


def differences(f, inputs, cotangent, name):
    """Central differences of sum(f · cotangent), Richardson-extrapolated, in extended precision."""
    x = inputs[name]
    grad = np.zeros(x.shape, WIDE)
    loss = lambda: (f(inputs) * cotangent).sum()
    for at in np.ndindex(x.shape):
        start, slopes = x[at], []
        for h in (WIDE(2) ** -12, WIDE(2) ** -13):
            x[at] = start + h
            up = loss()
            x[at] = start - h
            slopes.append((up - loss()) / (2 * h))
        x[at] = start
        grad[at] = (4 * slopes[1] - slopes[0]) / 3
    return grad


def case(op, name, f, inputs, params=None, constant=(), tolerance=(1e-4, 3e-6, 1e-7), family="ops"):
    """A tensor operation; gradients of every float input that is not constant."""
    params = params or {}
    stem = "%s/%s" % (op, name)
    stored = {k: np.asarray(v, np.float32) if np.asarray(v).dtype.kind == "f" else np.asarray(v) for k, v in inputs.items()}
    wide = {k: v.astype(WIDE) if v.dtype.kind == "f" else v for k, v in stored.items()}
    compute = lambda t: np.asarray(f(t, params))
    out = compute(wide)
    cotangent = rng.standard_normal(out.shape).astype(np.float32)
    line = {
        "id": "own/" + stem, "op": op, "file": family + ".safetensors", "params": params,
        "inputs": {k: put(family, stem + "/" + k, v) for k, v in stored.items()},
        "outputs": {"out": expect(family, stem + "/out", out, *tolerance)},
    }
    names = [k for k, v in stored.items() if v.dtype.kind == "f" and k not in constant]
    grads = {k: differences(compute, wide, cotangent.astype(WIDE), k) for k in names}
    line["cotangent"] = put(family, stem + "/cotangent", cotangent)
    line["gradients"] = {k: expect(family, stem + "/grad_" + k, g, *tolerance) for k, g in grads.items()}
    line["source"] = {"library": "numpy", "version": np.__version__, "function": "scripts/make-golden.py"}
    cases.append(line)


def plain(op, name, inputs, params, outputs, tolerance, family):
    """Outputs without gradients."""
    stem = "%s/%s" % (op, name)
    cases.append({
        "id": "own/" + stem, "op": op, "file": family + ".safetensors", "params": params,
        "inputs": {k: put(family, stem + "/" + k, v) for k, v in inputs.items()},
        "outputs": {k: expect(family, stem + "/" + k, v, *tolerance) for k, v in outputs.items()},
        "source": {"library": "numpy", "version": np.__version__, "function": "scripts/make-golden.py"},
    })


def N(*shape, scale=1.0):
    return rng.standard_normal(shape) * scale


# ------------------------------------------------------------------ the cases
one = lambda f: lambda t, p: f(t["x"])
two = lambda f: lambda t, p: f(t["a"], t["b"])
sigmoid = lambda x: 1 / (1 + np.exp(-x))

case("gelu", "exact", one(lambda x: x * (1 + erf(x / np.sqrt(WIDE(2)))) / 2), {"x": N(3, 21)}, {"approximate": "none"})
case("gelu", "tanh", one(lambda x: x * (1 + np.tanh(np.sqrt(2 / WIDE(np.pi)) * (x + WIDE("0.044715") * x ** 3))) / 2),
     {"x": N(3, 21)}, {"approximate": "tanh"})
case("silu", "plain", one(lambda x: x * sigmoid(x)), {"x": N(5, 7, scale=3)})
case("sigmoid", "plain", one(sigmoid), {"x": N(5, 7, scale=3)})
case("tanh", "plain", one(np.tanh), {"x": N(5, 7)})
case("exp", "plain", one(np.exp), {"x": N(5, 7)})
case("log", "plain", one(np.log), {"x": rng.uniform(0.1, 9, (5, 7))})
case("rsqrt", "plain", one(lambda x: 1 / np.sqrt(x)), {"x": rng.uniform(0.1, 9, (5, 7))})
case("pow_scalar", "cube", one(lambda x: x ** 3), {"x": N(4, 9)}, {"exponent": 3.0})
case("add", "row", two(np.add), {"a": N(3, 4, 5), "b": N(5)})
case("sub", "column", two(np.subtract), {"a": N(6, 8), "b": N(6, 1)})
case("mul", "both_ways", two(np.multiply), {"a": N(4, 1, 6), "b": N(5, 1)})
case("div", "scalar", two(np.divide), {"a": N(5, 7), "b": rng.uniform(0.5, 2, (1,))})
case("where", "broadcast", lambda t, p: np.where(t["cond"] != 0, t["a"], t["b"]),
     {"cond": rng.integers(0, 2, (6, 1)), "a": N(6, 8), "b": N(8)})
case("dropout", "mask", lambda t, p: t["x"] * t["keep"] / (1 - WIDE(p["p"])),
     {"x": N(5, 9), "keep": rng.integers(0, 2, (5, 9))}, {"p": 0.25})

case("sum", "outer_pair", one(lambda x: x.sum((0, 2))), {"x": N(3, 4, 5)}, {"dim": [0, 2], "keepdim": False})
case("mean", "all", one(np.mean), {"x": N(6, 7)}, {"dim": None, "keepdim": False})
case("var", "rows", one(lambda x: x.var(1, ddof=1)), {"x": N(4, 17)}, {"dim": [1], "keepdim": False, "correction": 1})
case("max", "last", one(lambda x: x.max(-1)), {"x": rng.permutation(35).reshape(5, 7) / 4.0},
     {"dim": [-1], "keepdim": False})
case("logsumexp", "last", one(lambda x: np.log(np.exp(x).sum(-1))), {"x": N(5, 9)}, {"dim": [-1], "keepdim": False})
case("cumsum", "middle", one(lambda x: np.cumsum(x, 1)), {"x": N(2, 9, 3)}, {"dim": 1})

for name, a, b, ta, tb in [("odd", (7, 13), (13, 5), False, False), ("transpose_a", (9, 6), (9, 4), True, False),
                           ("batched_transpose_b", (2, 5, 8), (2, 6, 8), False, True),
                           ("broadcast", (3, 4, 5), (5, 6), False, False)]:
    case("matmul", name, lambda t, p: swap(t["a"], p["transpose_a"]) @ swap(t["b"], p["transpose_b"]),
         {"a": N(*a), "b": N(*b)}, {"transpose_a": ta, "transpose_b": tb})
case("linear", "three_d", lambda t, p: t["x"] @ t["weight"].T + t["bias"],
     {"x": N(2, 5, 12), "weight": N(8, 12, scale=0.3), "bias": N(8)})
case("softmax", "row", lambda t, p: softmax(t["x"], p["dim"]), {"x": N(4, 33, scale=2)}, {"dim": -1})
case("softmax", "middle", lambda t, p: softmax(t["x"], p["dim"]), {"x": N(2, 7, 3)}, {"dim": 1})
case("log_softmax", "row", lambda t, p: log_softmax(t["x"], p["dim"]), {"x": N(4, 33, scale=2)}, {"dim": -1})
case("layer_norm", "two_d", layer_norm, {"x": N(6, 32), "weight": 1 + N(32, scale=0.3), "bias": N(32, scale=0.3)},
     {"eps": 1e-6})
case("normalize", "last", lambda t, p: t["x"] / np.sqrt((t["x"] ** 2).sum(-1, keepdims=True)), {"x": N(5, 9)},
     {"dim": -1, "eps": 1e-12})
case("cosine_similarity", "broadcast", cosine, {"a": N(4, 1, 9), "b": N(1, 3, 9)}, {"dim": -1, "eps": 1e-8})
case("attention", "plain", attention, {"q": N(1, 2, 9, 8), "k": N(1, 2, 11, 8), "v": N(1, 2, 11, 8)})
keep = np.array([[1] * 7 + [0] * 2, [1] * 4 + [0] * 5])
case("attention", "masked", attention,
     {"q": N(2, 2, 9, 4), "k": N(2, 2, 9, 4), "v": N(2, 2, 9, 4),
      "mask_add": np.where(keep, 0.0, -1e9)[:, None, None, :], "key_keep": keep}, constant=("mask_add",))
case("cross_entropy", "smoothing_ignore", cross_entropy,
     {"logits": N(7, 10, scale=2), "target": np.array([3, -100, 0, 9, 5, -100, 1])},
     {"label_smoothing": 0.1, "ignore_index": -100, "reduction": "mean"})
case("mse", "mean", lambda t, p: ((t["x"] - t["y"]) ** 2).mean(), {"x": N(5, 6), "y": N(5, 6)}, {"reduction": "mean"})
case("bce_with_logits", "sum",
     lambda t, p: (np.maximum(t["logits"], 0) - t["logits"] * t["target"] + np.log1p(np.exp(-np.abs(t["logits"])))).sum(),
     {"logits": N(5, 6, scale=3), "target": rng.integers(0, 2, (5, 6)).astype(float)}, {"reduction": "sum"},
     constant=("target",))
case("infonce", "batch", infonce, {"x": N(2, 7, 16), "c": N(2, 7, 16)}, {"tau": 4.0})

case("permute", "heads", one(lambda x: x.transpose(2, 0, 3, 1)), {"x": N(2, 3, 4, 5)}, {"dims": [2, 0, 3, 1]})
case("slice", "steps", one(lambda x: x[1:6:2, 0:8:3]), {"x": N(6, 9)}, {"slices": [[1, 6, 2], [0, 8, 3]]})
case("concat", "last", lambda t, p: np.concatenate([t["a"], t["b"]], -1), {"a": N(3, 4), "b": N(3, 5)}, {"dim": -1})
case("stack", "last", lambda t, p: np.stack([t["a"], t["b"]], -1), {"a": N(3, 4), "b": N(3, 4)}, {"dim": -1})
case("pad", "value", lambda t, p: np.pad(t["x"], p["pad"], constant_values=p["value"]), {"x": N(3, 5)},
     {"pad": [[1, 0], [2, 3]], "value": -1.5})
case("gather", "rows", lambda t, p: np.take_along_axis(t["x"], t["index"], p["dim"]),
     {"x": N(4, 9), "index": rng.integers(0, 9, (4, 6))}, {"dim": 1})
case("index_select", "rows", lambda t, p: np.take(t["x"], t["index"], p["dim"]),
     {"x": N(9, 5), "index": np.array([4, 0, 8, 4, 4])}, {"dim": 0})
case("scatter_add", "rows", scatter_add, {"x": N(4, 5), "index": rng.integers(0, 5, (4, 12)), "src": N(4, 12)}, {"dim": 1})
case("conv2d", "patches", conv2d, {"x": N(1, 1, 8, 12), "weight": N(3, 1, 4, 4, scale=0.3), "bias": N(3)},
     {"stride": [4, 4], "padding": [0, 0]})
case("conv2d", "padded", conv2d, {"x": N(1, 2, 7, 6), "weight": N(3, 2, 3, 3, scale=0.3), "bias": N(3)},
     {"stride": [2, 1], "padding": [1, 2]})

rate = 8000
time = np.arange(2400) / rate
wave = (0.4 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 1710 * time) + 0.02 * N(2400)).astype(np.float32)
spectrum = {"sample_rate": rate, "n_fft": 240, "win_length": 240, "hop_length": 120, "window": "hann_periodic",
            "center": True, "pad_mode": "reflect", "power": 2}
power = stft(wave, spectrum)
plain("stft_power", "five_smooth", {"waveform": wave}, spectrum, {"power": power}, (1e-4, 2e-6, 1e-7), "audio")
bands = {**spectrum, "n_mels": 40, "f_min": 20.0, "f_max": 3800.0, "norm": "slaney", "mel_scale": "slaney",
         "log10_gain": 10000.0}
weights = slaney_filters(bands)
mel = weights @ power
plain("mel_spectrogram", "slaney", {"waveform": wave}, bands, {"mel": mel, "mel_log10": np.log10(1 + 1e4 * mel)},
      (1e-4, 1e-4, 1e-7), "audio")
plain("mel_filterbank", "slaney", {}, {k: bands[k] for k in ("n_fft", "sample_rate", "n_mels", "f_min", "f_max", "norm", "mel_scale")},
      {"weights": weights}, (1e-5, 1e-6, 1e-9), "audio")
picture = N(8, 13)
cut = ((picture - 0.3) / (2 * 1.7))[:, :12].reshape(2, 4, 3, 4).transpose(2, 0, 1, 3).reshape(6, 16)
plain("patchify", "grid", {"spectrogram": picture}, {"patch_mels": 4, "patch_frames": 4, "mean": 0.3, "std": 1.7},
      {"patches": cut}, (1e-5, 1e-6, 1e-7), "audio")

rule = {"optimizer": "AdamW", "steps": 8, "lr": 0.01, "betas": [0.9, 0.95], "weight_decay": 0.05, "eps": 1e-8}
start = {"param_0": N(5, 7).astype(np.float32), "grad_0": N(8, 5, 7).astype(np.float32)}
plain("optimizer", "adamw", start, rule, {"params_0": adamw(start, rule)}, (1e-5, 1e-6, 1e-7), "optim")
warm, total, top, low = 5, 40, 1e-3, 1e-5
rates = [top * (t + 1) / warm if t < warm else
         low + 0.5 * (top - low) * (1 + math.cos(math.pi * (t - warm) / (total - warm))) for t in range(total)]
plain("cosine_schedule", "warmup", {}, {"base_lr": top, "warmup": warm, "total": total, "min_lr": low}, {"lr": np.array(rates)},
      (1e-6, 1e-7, 1e-12), "optim")

# ------------------------------------------------------------------ the files
ROOT.mkdir(parents=True, exist_ok=True)
files = {}
for family, named in tensors.items():
    header, offset = {}, 0
    for name, value in named.items():
        header[name] = {"dtype": "I32" if value.dtype == np.int32 else "F32", "shape": list(value.shape),
                        "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = struct.pack("<Q", len(text)) + text + b"".join(value.astype(value.dtype.newbyteorder("<")).tobytes() for value in named.values())
    path = family + ".safetensors"
    (ROOT / path).write_bytes(data)
    files[path] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "tensors": len(named)}
head = {"set": "own", "format": 1,
        "tolerance_rule": "abs(got - expected) <= atol + rtol*abs(expected), element-wise",
        "precision": "inputs are float32; expected values are computed in extended precision and rounded once to float32"}
lines = ["{"]
lines += [' %s: %s,' % (json.dumps(k), json.dumps(v)) for k, v in head.items()]
lines += [' "files": {', ",\n".join("  %s: %s" % (json.dumps(k), json.dumps(v)) for k, v in files.items()), " },"]
lines += [' "cases": [', ",\n".join("  " + json.dumps(c) for c in cases), " ]", "}"]
(ROOT / "manifest.json").write_text("\n".join(lines) + "\n")
print("%d cases, %d bytes" % (len(cases), sum(f["bytes"] for f in files.values()) + (ROOT / "manifest.json").stat().st_size))
