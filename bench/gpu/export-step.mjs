// Writes a model's initial weights, one batch and melgrad's losses over a few steps on it, for torch_bench.py --check.
//   node bench/gpu/export-step.mjs step.safetensors [PRESET] [STEPS]
import { writeFileSync } from "node:fs";
import {
  encoderSizes,
  GradientClipper,
  maskedCount,
  Optimizer,
  open,
  Patchifier,
  patchify,
  preset,
  pretrainLosses,
  Random,
  uniformMask,
  uploadMask,
  writeSafetensors,
} from "../../dist/node.js";

const [out, name = "demo", steps = "4"] = process.argv.slice(2);
if (!out) {
  console.error("usage: node bench/gpu/export-step.mjs step.safetensors [PRESET] [STEPS]");
  process.exit(2);
}
const gpu = await open();
const { model, pretrain } = preset(name);
// SSAST's own objective on its 16 × 16 patches, as in torch_bench.py.
Object.assign(model, { patchMels: 16, patchFrames: 16 });
Object.assign(pretrain, { reconstructWeight: 10, detailWeight: 0, contrast: undefined });
const sizes = encoderSizes(model);
const random = new Random(11);
const patchifier = new Patchifier(gpu, sizes, random);
const clipper = new GradientClipper(patchifier.parameters);
const { betas, weightDecay } = pretrain;
const optimizer = new Optimizer(patchifier.parameters, { rule: "adamw", betas, weightDecay });
const lr = 1e-3;

const clips = 3;
const shape = [clips, model.frontEnd.nMels, model.cropFrames];
const crops = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => random.uniform());
const count = maskedCount(sizes.tokens, pretrain.maskRatio);
const masks = Array.from({ length: clips }, () => uniformMask(random, sizes.tokens, count));
const masked = new Float32Array(clips * sizes.tokens);
const rows = Int32Array.from(masks.flatMap((clip, b) => [...clip].map((t) => b * sizes.tokens + t)));
for (const row of rows) masked[row] = 1;

const tensors = new Map();
for (const [key, { shape, data }] of await patchifier.parameters.read()) {
  tensors.set(key, { dtype: "F32", shape, data: data.slice() });
}
const losses = [];
for (let step = 0; step < Number(steps); step++) {
  const found = gpu.scope(() => {
    const { patchMels, patchFrames } = model;
    const patches = patchify(gpu.tensor(crops, shape), { patchMels, patchFrames, mean: 0.5, std: 0.3 });
    const result = pretrainLosses(patchifier, patches, uploadMask(gpu, masks, sizes.tokens), pretrain);
    patchifier.parameters.zeroGrad();
    result.loss.backward();
    clipper.measure(pretrain.clipNorm);
    optimizer.update(lr, clipper);
    return [result.loss, result.infonce, result.reconstruct];
  });
  for (const tensor of found) losses.push(await tensor.item());
}
tensors.set("input.crops", { dtype: "F32", shape, data: crops });
tensors.set("input.masked", { dtype: "F32", shape: [clips, sizes.tokens, 1], data: masked });
tensors.set("input.rows", { dtype: "I32", shape: [rows.length], data: rows });
tensors.set("output.losses", { dtype: "F32", shape: [Number(steps), 3], data: Float32Array.from(losses) });
writeFileSync(out, writeSafetensors(tensors, { preset: name, lr: String(lr) }));
console.log(`${gpu.host.name}: ${steps} steps of ${name}, loss ${losses[0].toFixed(6)} → ${out}`);
gpu.close();
