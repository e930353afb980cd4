// `train --init`: a run begins with another's encoder and normalisation and with heads of its own; another model is refused.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { readSafetensors } from "../../src/io/safetensors.js";
import { useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";

const command = useCommand();
const train = (out: string, ...more: string[]) => [
  ...["train", "--data", "music", "--batch", "2", "--no-probe", "--out", out, ...more],
];

beforeAll(() => writeMusic(join(command.folder, "music")));

const weightsOf = (run: string) =>
  readSafetensors(readFileSync(join(command.folder, run, "model.safetensors")));
const configOf = (run: string) =>
  JSON.parse(readFileSync(join(command.folder, run, "config.json"), "utf8")) as {
    normalisation: unknown;
    init?: string;
    model: { cropFrames: number };
  };

it("begins with the encoder of a run, by its folder or as the released model, and no other's", async () => {
  const first = await command.run(train("first", "--steps", "2", "--seed", "3", "--crop", "64"));
  expect(first.code, first.stderr).toBe(0);
  const phases = [...first.stderr.matchAll(/^phase (\d of \d, [a-z-]+): \w.*$/gm)].map(([, phase]) => phase);
  expect(phases).toEqual(["1 of 3, music", "2 of 3, log-mels", "3 of 3, pre-training"]);
  // A step so small that it changes nothing; another seed, so that newly drawn weights would be others.
  const more = ["--steps", "1", "--lr", "1e-30", "--seed", "4", "--objective", "mae", "--init", "pretrained"];
  const models = join(command.folder, "models");
  cpSync(join(command.folder, "first"), join(models, "first"), { recursive: true });
  writeFileSync(join(models, "index.json"), JSON.stringify({ default: "first" }));
  const second = await command.run(train("second", ...more), { env: { MELGRAD_MODELS: models } });
  expect(second.code, second.stderr).toBe(0);
  const [was, is] = [weightsOf("first"), weightsOf("second")];
  for (const name of ["patch_embed.weight", "blocks.3.mlp.fc2.weight", "norm.bias", "mask_token"]) {
    expect(is.get(name)?.data, name).toEqual(was.get(name)?.data);
  }
  expect(is.has("decoder.pred.weight")).toBe(true);
  expect(configOf("second").normalisation).toEqual(configOf("first").normalisation);
  expect(configOf("second").init).toBe(join(models, "first", "model.safetensors"));
  expect(configOf("first").init).toBeUndefined();
  // Crops are as long as those that the encoder knows, where nothing else is asked for.
  expect(configOf("second").model.cropFrames).toBe(64);

  const other = await command.run(train("third", "--steps", "1", "--patches", "grid", "--init", "first"));
  expect(other.code).toBe(2);
  expect(other.stderr).toContain("first is of another model");
  const longer = await command.run(train("fourth", "--steps", "1", "--crop", "128", "--init", "first"));
  expect(longer.stderr).toMatch(/first is of another model \(cropFrames 64, this run's 128\).*--crop/);
}, 400_000);
