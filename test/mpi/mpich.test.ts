// The four calls under MPICH, whose handles are numbers and not addresses, between two real processes. Runs where MELGRAD_MPICH names its
// mpirun (.ci/run sets it). Training by several processes is mpirun.test.ts's.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleScript } from "../support/bundle.js";

const mpirun = process.env.MELGRAD_MPICH;
// Inside node_modules, so that koffi is found.
const folder = resolve("node_modules/.cache", `melgrad-mpich-${process.pid}`);
const script = join(folder, "calls.mjs");

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  await bundleScript(
    `import { gather, share } from "./src/host/group.ts";
        import { joinGroup } from "./src/host/node/mpi.ts";
        const group = await joinGroup();
        const values = Float32Array.from({ length: 550_000 }, (_, i) => (i % 100) + group.rank);
        await group.allReduce(values);
        const wrong = values.findIndex((value, i) => value !== 2 * (i % 100) + 1);
        const word = await share(group, () => "from " + group.rank);
        const all = await gather(group, group.rank);
        console.log(JSON.stringify({ by: group.launch.by, wrong, word, all, size: group.size }));
        if (process.argv[2] === "die" && group.rank === 1) process.kill(process.pid, "SIGKILL");
        if (process.argv[2] === "die") await group.allReduce(values);
        await group.leave();`,
    script,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.runIf(mpirun)("two processes under MPICH", () => {
  const run = (...words: string[]) =>
    spawnSync(mpirun ?? "mpirun", ["-n", "2", process.execPath, script, ...words], { encoding: "utf8" });

  it("add up, share and gather", () => {
    const { status, stdout, stderr } = run();
    expect(status, stderr).toBe(0);
    const lines = stdout.trim().split("\n");
    const expected = { by: "MPICH", wrong: -1, word: "from 0", all: [0, 1], size: 2 };
    expect(lines.map((line) => JSON.parse(line))).toEqual([expected, expected]);
  }, 120_000);

  it("end when one is killed", () => {
    const { status, stdout, stderr } = run("die");
    expect(status).not.toBe(0);
    expect(stdout + stderr).toMatch(/Killed \(signal 9\)/);
  }, 120_000);
});
