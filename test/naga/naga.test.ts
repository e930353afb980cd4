// Every expanded shader compiled by naga, the compiler of Firefox and Deno, beside Dawn's tint, on the Vulkan at hand. MELGRAD_DENO names
// a Deno (scripts/install-deno.sh installs one); without it this is left out.

import texts from "melgrad:shaders";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useGpu } from "../support/gpu.js";
import { everyShader, type MadeShader } from "./shaders.js";

const deno = process.env.MELGRAD_DENO;
const script = fileURLToPath(new URL("compile.js", import.meta.url));

interface Compiled {
  adapter: string;
  wrong: { key: string; message: string }[];
}

describe.skipIf(!deno)(deno ? "naga" : "naga: skipped, because MELGRAD_DENO names no Deno", () => {
  const gpu = useGpu();
  const folder = mkdtempSync(join(tmpdir(), "melgrad-naga-"));
  let all: MadeShader[];

  beforeAll(async () => {
    all = await everyShader(gpu());
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const compile = async (shaders: readonly MadeShader[]): Promise<Compiled> => {
    const file = join(folder, "shaders.json");
    writeFileSync(file, JSON.stringify(shaders));
    const flags = ["run", "--no-config", "--no-lock", "--unstable-webgpu", `--allow-read=${file}`];
    const { stdout } = await promisify(execFile)(deno ?? "", [...flags, script, file], {
      env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      maxBuffer: 1 << 28,
    });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  };
  const usesSubgroups = ({ code }: MadeShader) => /^enable subgroups;/m.test(code);

  it("is given every shader of the engine", () => {
    const made = new Set(all.map(({ shader }) => shader));
    // Not kernels: what others include. Not naga's: an extension of Chromium. Not the engine's: what benchmarks measure with.
    const apart = /^(lib|bench)\/|\/(operands|tile|hide|dft|passes)$|^matmul\/subgroup_matrix$/;
    const files = Object.keys(texts).filter((name) => !apart.test(name));
    expect(files.filter((name) => !made.has(name))).toEqual([]);
  });

  it("compiles those without subgroups", async () => {
    const shaders = all.filter((shader) => !usesSubgroups(shader));
    const { adapter, wrong } = await compile(shaders);
    console.info(`${shaders.length} shaders compiled on ${adapter}`);
    expect(wrong).toEqual([]);
    expect(shaders.length).toBeGreaterThan(500);
  }, 300_000);

  it("reads those with subgroups, which it cannot compile yet", async () => {
    const shaders = all.filter(usesSubgroups).map((shader) => ({
      ...shader,
      code: shader.code
        .replace(/^enable subgroups;/m, "")
        .replace(/^diagnostic\(.*subgroup_uniformity.*\);/m, ""),
    }));
    const { wrong } = await compile(shaders);
    console.info(`${shaders.length} shaders read`);
    const others = wrong.filter(({ message }) => !/capability Capabilities\(SUBGROUP\)/.test(message));
    expect(others).toEqual([]);
    expect(shaders.length).toBeGreaterThan(200);
  }, 300_000);

  it("finds a wrong shader", async () => {
    const { key, shader, code } = all.find((each) => each.shader === "transpose") as MadeShader;
    const { wrong } = await compile([{ key, shader, code: code.replace("u32", "f32") }]);
    expect(wrong.map((each) => each.key)).toEqual([key]);
  });
});
