// The choice of an adapter in Node, on this machine's real drivers; where a driver or a package must be absent, in a child
// process that cannot see it. Not the device, and nothing about speed.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NoAdapterError, UsageError } from "../../src/gpu/errors.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import { explainLoadError } from "../../src/host/node/dawn.js";
import { advise, inspectHost } from "../../src/host/node/doctor.js";
import { adapterLine, type HostGpu } from "../../src/host/types.js";

const scratch = mkdtempSync(join(tmpdir(), "melgrad-host-"));
const probe = join(scratch, "probe.mjs");

beforeAll(async () => {
  await build({
    stdin: {
      contents: `import { openNodeGpu } from "./src/host/node/adapter.ts";
        try {
          const host = await openNodeGpu();
          console.log(JSON.stringify({ name: host.name, kind: host.kind, software: host.software }));
        } catch (error) {
          console.log(JSON.stringify({ error: error.name, message: error.message }));
        }`,
      resolveDir: resolve("."),
      loader: "ts",
    },
    outfile: probe,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
  });
  symlinkSync(resolve("node_modules"), join(scratch, "node_modules"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Answer = { name?: string; kind?: string; software?: boolean; error?: string; message?: string };

/** Runs the probe in a process of its own with these variables, and gives its one line. */
function ask(env: Record<string, string>, script = probe): Promise<Answer> {
  const { MELGRAD_ADAPTER: _adapter, VK_DRIVER_FILES: _files, VK_ICD_FILENAMES: _icd, ...rest } = process.env;
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [script], {
      cwd: scratch,
      env: { ...rest, TMPDIR: scratch, MELGRAD_CACHE: join(scratch, "cache"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (data) => {
      out += data;
    });
    child.stderr.on("data", (data) => {
      err += data;
    });
    child.on("close", (code) => {
      if (code === 0) done(JSON.parse(out) as Answer);
      else fail(new Error(`exit ${code}: ${err}`));
    });
  });
}

/** Squares n numbers on the adapter and gives them back. */
async function squares(host: HostGpu, n: number): Promise<number[]> {
  const device = await host.adapter.requestDevice();
  try {
    const module = device.createShaderModule({
      code: `@group(0) @binding(0) var<storage, read_write> y: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
          if (id.x < ${n}u) { y[id.x] = id.x * id.x; }
        }`,
    });
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
    const y = device.createBuffer({ size: 4 * n, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
    const read = device.createBuffer({
      size: 4 * n,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: y } }],
      }),
    );
    pass.dispatchWorkgroups(Math.ceil(n / 64));
    pass.end();
    encoder.copyBufferToBuffer(y, 0, read, 0, 4 * n);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    return [...new Uint32Array(read.getMappedRange())];
  } finally {
    device.destroy();
    host.release();
  }
}

describe.runIf(process.platform === "linux" && process.arch === "x64")("the embedded adapter", () => {
  for (const unchecked of [false, true]) {
    it(`opens ${unchecked ? "without" : "with"} checks, says that it is software, and computes`, async () => {
      const host = await openNodeGpu({ adapter: "embedded", unchecked });
      expect(host).toMatchObject({ kind: "embedded", software: true });
      expect(host.name).toMatch(/swiftshader/i);
      expect(adapterLine(host)).toContain("software, embedded");
      expect(await squares(host, 1000)).toEqual(Array.from({ length: 1000 }, (_, i) => i * i));
    });
  }

  it("is found by its own name, and leaves the environment as it was", async () => {
    const before = process.env.VK_ICD_FILENAMES;
    const host = await openNodeGpu({ adapter: "SwiftShader" });
    host.release();
    expect(host.name).toMatch(/swiftshader/i);
    expect(process.env.VK_ICD_FILENAMES).toBe(before);
  });

  it("is what auto takes on a machine without a Vulkan driver", async () => {
    expect(await ask({ VK_ICD_FILENAMES: "/nonexistent.json" })).toMatchObject({
      kind: "embedded",
      software: true,
    });
  });

  it("is unpacked once and whole by processes that start together", async () => {
    const cache = mkdtempSync(join(scratch, "cache-"));
    const env = { MELGRAD_CACHE: cache, MELGRAD_ADAPTER: "embedded" };
    const answers = await Promise.all([ask(env), ask(env), ask(env)]);
    for (const answer of answers) expect(answer).toMatchObject({ kind: "embedded" });
    expect(readdirSync(cache)).toHaveLength(1);
    expect(readdirSync(join(cache, readdirSync(cache)[0])).sort()).toEqual([
      "libvk_swiftshader.so",
      "libvulkan.so.1",
      "vk_swiftshader_icd.json",
    ]);
  });

  it("is unpacked elsewhere where the cache folder cannot be made", async () => {
    expect(
      await ask({ MELGRAD_CACHE: join(probe, "below-a-file"), MELGRAD_ADAPTER: "embedded" }),
    ).toMatchObject({
      kind: "embedded",
    });
  });
});

describe("errors", () => {
  it("lists the adapters that exist when a name fits none", async () => {
    const failure = openNodeGpu({ adapter: "no such card" });
    await expect(failure).rejects.toThrow(NoAdapterError);
    await expect(failure).rejects.toThrow(/No adapter.*"no such card".*auto/s);
  });

  it("says in one line what to do where there is no adapter at all", async () => {
    const bare = mkdtempSync(join(tmpdir(), "melgrad-bare-"));
    try {
      const { copyFileSync, mkdirSync } = await import("node:fs");
      mkdirSync(join(bare, "node_modules"));
      symlinkSync(resolve("node_modules/webgpu"), join(bare, "node_modules/webgpu"));
      copyFileSync(probe, join(bare, "probe.mjs"));
      rmSync(join(scratch, "node_modules"));
      const answer = await ask({ VK_ICD_FILENAMES: "/nonexistent.json" }, join(bare, "probe.mjs"));
      expect(answer.error).toBe("NoAdapterError");
      expect(answer.message).not.toContain("\n");
      expect(answer.message).toMatch(/npm ci/);
      expect(answer.message).toMatch(/install a Vulkan driver/);
    } finally {
      symlinkSync(resolve("node_modules"), join(scratch, "node_modules"));
      rmSync(bare, { recursive: true, force: true });
    }
  });

  it("refuses the null backend, and the option that unchecked replaced", async () => {
    await expect(openNodeGpu({ adapter: "null" })).rejects.toThrow(UsageError);
    await expect(openNodeGpu({ profile: "fast" } as { unchecked?: boolean })).rejects.toThrow(
      /unchecked: true/,
    );
  });

  it("explains why Dawn's native module does not load", () => {
    const old = new Error(
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by dawn.node)",
    );
    expect(explainLoadError(old)).toMatch(/GLIBC_2\.34.*Debian 12/);
    expect(explainLoadError(new Error("Cannot find module '/x/dist/freebsd-x64/dawn.node'"))).toMatch(
      /no build for/,
    );
    const missing = Object.assign(new Error("Cannot find package 'webgpu'"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    expect(explainLoadError(missing)).toMatch(/npm ci/);
  });
});

describe("inspectHost", () => {
  it("tells every adapter's name, features and limits", async () => {
    const report = await inspectHost();
    expect(report.adapters.length).toBeGreaterThan(0);
    for (const adapter of report.adapters) {
      expect(adapter.listedName).not.toBe("");
      expect(adapter.limits.maxBufferSize).toBeGreaterThanOrEqual(268435456);
      expect(adapter.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(128);
    }
  });

  it("advises a faster adapter where there is only the embedded one, and nothing where there is hardware", () => {
    const base = { embeddedPackage: "", vulkan: { loader: false, drivers: [] }, platform: "linux x64" };
    expect(advise({ ...base, adapters: [] }).join(" ")).toMatch(/lavapipe.*--fetch-lavapipe.*npm ci/);
    const hardware = { kind: "hardware" } as Parameters<typeof advise>[0]["adapters"][number];
    expect(advise({ ...base, adapters: [hardware] })).toEqual([]);
  });
});
