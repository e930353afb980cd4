// WebGPU in a real headless browser: there is an adapter, and what a shader computes there is right.
import { randomInt } from "node:crypto";
import { afterAll, expect, it } from "vitest";
import { adapterNames } from "./browsers.js";
import { closeBrowser, openPage } from "./launch.js";

afterAll(closeBrowser);

it("gives an adapter whose compute shader multiplies right", async () => {
  const seed = randomInt(2 ** 31);
  console.log(`seed ${seed}`);
  const { page, errors, close } = await openPage();
  const result = await page.evaluate(async (start) => {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return { adapter: null, x: [], y: [] };
    const device = await adapter.requestDevice();
    let state = start;
    const x = Float32Array.from({ length: 777 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 31 - 1;
    });
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = device.createBuffer({ size: x.byteLength, usage });
    const read = device.createBuffer({
      size: x.byteLength,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, x);
    const module = device.createShaderModule({
      code: `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
          if (id.x < arrayLength(&x)) { x[id.x] = x[id.x] * f32(id.x); }
        }`,
    });
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer } }],
      }),
    );
    pass.dispatchWorkgroups(Math.ceil(x.length / 64));
    pass.end();
    encoder.copyBufferToBuffer(buffer, 0, read, 0, x.byteLength);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const y = [...new Float32Array(read.getMappedRange())];
    device.destroy();
    return { adapter: `${adapter.info.vendor} ${adapter.info.architecture}`, x: [...x], y };
  }, seed);
  await close();
  expect(errors).toEqual([]);
  expect(result.adapter).toMatch(adapterNames);
  expect(result.y).toEqual(result.x.map((value, i) => Math.fround(value * i)));
});

it("serves given files beside those of the repository, and collects a page's errors", async () => {
  const { page, errors, close } = await openPage({
    html: `<!doctype html><script type="module">
      import { answer } from "/made/answer.js";
      const { name } = await (await fetch("/package.json")).json();
      document.title = name + " " + answer;
      await fetch("/no/such/file");
      throw new Error("on purpose");
    </script>`,
    files: { "/made/answer.js": "export const answer = 42;" },
  });
  await page.waitForFunction(() => document.title !== "");
  expect(await page.title()).toBe("melgrad 42");
  await expect.poll(() => errors.join("\n")).toMatch(/404[\s\S]*on purpose/);
  await close();
});
