// Cold start: from the start of a process to the end of its first training step, with the driver's shader cache off and with
// a cache that an earlier process filled.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Side } from "./side.mjs";
import { median } from "./statistics.mjs";

/** Mesa's and NVIDIA's names for it; other drivers keep theirs. */
const cacheOff = { MESA_SHADER_CACHE_DISABLE: "true", __GL_SHADER_DISK_CACHE: "0" };

/** Seconds { off, warm } of one library and of its processors, medians of `runs`, with the adapter's name. */
export async function coldStart(name, { adapter, runs = 3, note = () => {} }) {
  const off = [];
  const warm = [];
  for (let run = 0; run < runs; run++) {
    note(`${name}, cache off, ${run + 1} of ${runs}`);
    off.push(await firstStep(name, { adapter, env: cacheOff }));
  }
  const folder = await mkdtemp(join(tmpdir(), "melgrad-shader-cache-"));
  try {
    const env = { MESA_SHADER_CACHE_DIR: folder, __GL_SHADER_DISK_CACHE_PATH: folder };
    note(`${name}, filling a cache`);
    const filling = await firstStep(name, { adapter, env });
    for (let run = 0; run < runs; run++) {
      note(`${name}, warm cache, ${run + 1} of ${runs}`);
      warm.push(await firstStep(name, { adapter, env }));
    }
    const middle = (results, figure) => median(results.map((result) => result[figure]));
    return {
      name,
      adapter: filling.adapter,
      off: middle(off, "seconds"),
      offCpu: middle(off, "cpuSeconds"),
      warm: middle(warm, "seconds"),
      warmCpu: middle(warm, "cpuSeconds"),
      samples: { off, filling, warm },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seconds from the start of the process until its first step is done, what processors spent on it, and the adapter's name. */
async function firstStep(name, { adapter, env }) {
  const side = new Side({ name, adapter, env });
  const start = performance.now();
  try {
    const opened = await side.open();
    const { ways } = await side.ask("prepare", { name: "train_step" });
    await side.ask("first", { way: ways[0] });
    const seconds = (performance.now() - start) / 1000;
    const { cpuSeconds } = await side.ask("used");
    return { seconds, cpuSeconds, adapter: opened.adapter.name };
  } finally {
    await side.close();
  }
}
