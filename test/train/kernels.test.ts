// A run keeps to the kernels that it began with: a table of other choices, written between a run's two halves, changes a new
// run's bits but not the resumed one's. Through the command, on a few seconds of synthetic music.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { hashText, type TuningTable } from "../../src/gpu/tuner-store.js";
import { useCommand } from "../support/cli.js";
import { writeMusic } from "../support/music.js";

const command = useCommand();
beforeAll(() => writeMusic(join(command.folder, "music")));

const settings = [
  "--data",
  "music",
  "--steps",
  "4",
  "--batch",
  "2",
  "--seed",
  "5",
  "--objective",
  "joint",
  "--no-probe",
];
const losses = (run: string) =>
  readFileSync(join(command.folder, run, "log.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => (JSON.parse(text) as { loss: number }).loss);
const kernelsOf = (run: string) =>
  JSON.parse(readFileSync(join(command.folder, run, "kernels.json"), "utf8")) as TuningTable;

describe("kernels.json", () => {
  it("is followed by --resume, whatever was measured meanwhile", async () => {
    const first = await command.run(["train", ...settings, "--out", "whole"]);
    expect(first.code).toBe(0);
    expect(first.stderr).toMatch(/checked \d\d kernels on this adapter in [\d.]+ s: all right/);
    const table = kernelsOf("whole");
    expect(Object.keys(table.families)).toContain("matmul");
    expect(Object.keys(table.families.matmul.entries).length).toBeGreaterThan(8);

    // One step, then stopped as by Ctrl-C.
    const { child, done } = command.start(["train", ...settings, "--out", "halves", "--json"]);
    child.stdout?.once("data", () => child.kill("SIGINT"));
    await done;

    const other: TuningTable = structuredClone(table);
    for (const bucket of Object.keys(other.families.matmul.entries)) {
      other.families.matmul.entries[bucket] = ["register/2", 2]; // cut sums are added in another order
    }
    const store = join(command.folder, "cache", "tuning", `${hashText(table.adapter)}.json`);
    const { checks } = JSON.parse(readFileSync(store, "utf8")) as TuningTable;
    writeFileSync(store, JSON.stringify({ ...other, checks }));

    const resumed = await command.run(["train", "--resume", "--out", "halves", "--no-probe"]);
    expect(resumed.stderr).not.toMatch(/checked/); // once is enough
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(losses("halves")).toEqual(losses("whole"));
    expect(kernelsOf("halves")).toEqual(table);

    expect((await command.run(["train", ...settings, "--out", "others"])).code).toBe(0);
    expect(Object.values(kernelsOf("others").families.matmul.entries)).toContainEqual(["register/2", 2]);
    expect(losses("others")).not.toEqual(losses("whole"));
    losses("others").forEach((loss, i) => {
      expect(Math.abs(loss - losses("whole")[i])).toBeLessThan(1e-3 * Math.abs(loss));
    });
  });
});
