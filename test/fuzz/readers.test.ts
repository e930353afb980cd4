// A slice of what `npm run fuzz` does for hours, and the cases that it found, each repeated with the reader that failed on it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { freshSeed } from "../support/gpu.js";
import { openTargets } from "./reader-targets.js";
import { readerSuite, readOnce } from "./readers.js";
import type { Failure } from "./suite.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, "test/fixtures/fuzz");

describe("readers", () => {
  const { targets, close } = openTargets(root);
  afterAll(close);

  it("read their own whole files without an error", async () => {
    for (const { name, bases, read } of targets) {
      expect(bases.length, name).toBeGreaterThan(0);
      for (const [i, bytes] of bases.entries()) {
        await read(Uint8Array.from(bytes)).catch((error: unknown) => {
          throw new Error(`${name}, file ${i}: ${String(error)}`);
        });
      }
    }
  });

  it.each(readdirSync(folder).filter((name) => name.endsWith(".bin")))(
    "%s, which once failed",
    async (name) => {
      const target = targets.find((each) => each.name === name.split(".")[0]);
      if (!target) throw new Error(`${name}: there is no such reader`);
      await readOnce(target, new Uint8Array(readFileSync(join(folder, name))));
    },
  );

  it("give a result or an error of the data, whatever the bytes", async () => {
    const failures: Failure[] = [];
    const tally = await readerSuite(root).run({
      seed: freshSeed("fuzz"),
      count: 1500,
      milliseconds: 25_000,
      begin() {},
      fail: (failure) => failures.push(failure),
    });
    expect(failures.map(({ target, message }) => `${target}: ${message}`)).toEqual([]);
    console.log([...tally].map(([name, count]) => `${name} ${count}`).join(", "));
    expect([...tally.values()].reduce((sum, each) => sum + each, 0)).toBeGreaterThan(50);
  });
});
