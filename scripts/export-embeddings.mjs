// Writes patches and the embeddings that a model gives for them, for check-torch.py to compare with PyTorch's. MODEL is a run's folder, or
// a released model by its name.
//   node scripts/export-embeddings.mjs MODEL out.safetensors [CLIPS]
import { writeFileSync } from "node:fs";
import { loadModel, open, Random, writeSafetensors } from "../dist/node.js";

const [named, out, clips = "16"] = process.argv.slice(2);
if (!named || !out) {
  console.error("usage: node scripts/export-embeddings.mjs MODEL out.safetensors [CLIPS]");
  process.exit(2);
}
const gpu = await open();
const { model } = await loadModel(gpu, named);
const { tokens, values, width } = model.sizes;
const random = new Random(7);
const shape = [Number(clips), tokens, values];
const patches = Float32Array.from({ length: shape[0] * tokens * values }, () => 0.5 * random.normal());
const embeddings = await model.embed(gpu.tensor(patches, shape)).data();
const tensors = new Map([
  ["patches", { dtype: "F32", shape, data: patches }],
  ["embeddings", { dtype: "F32", shape: [shape[0], width], data: embeddings }],
]);
writeFileSync(out, writeSafetensors(tensors));
console.log(`${gpu.host.name}: ${shape[0]} clips of ${tokens} patches of ${values} values → ${out}`);
gpu.close();
