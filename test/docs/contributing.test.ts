// The examples of CONTRIBUTING.md: each is short, compiles against the sources and does what its text says when it is run.
import { afterAll, expect, it } from "vitest";
import { blockFolder, codeBlocks, runProgram, typeErrors } from "../support/code-blocks.js";

const folder = blockFolder("contributing");
afterAll(() => folder.remove());

const examples = codeBlocks("CONTRIBUTING.md").filter(({ language }) => language === "ts");

function numberAfter(word: string, text: string): number {
  const found = new RegExp(`${word} (-?[\\d.e-]+)`).exec(text);
  return found ? Number(found[1]) : Number.NaN;
}

const checks: Readonly<Record<string, (printed: string) => void>> = {
  "An operation": (printed) => expect(printed).toBe("of [1] []\nof [3,63] []\nof [65,5] []\n"),
  "A kernel variant": (printed) =>
    expect(printed).toMatch(/^width \d+: [\d.]+ ms\nwidth \d+: ([\d.]+ ms|too slow)\n$/),
  "An objective": (printed) => {
    const [first, last] = ["0: loss", "29: loss"].map((word) => numberAfter(word, printed));
    expect(first).toBeGreaterThan(0);
    expect(last).toBeLessThan(0.5 * first);
  },
  "A labelled task": (printed) => expect(numberAfter("accuracy", printed)).toBeGreaterThan(0.9),
  "A metric": (printed) => {
    expect(numberAfter("score", printed)).toBeCloseTo((2 / 3 + 1 + 0) / 3, 12);
    expect(numberAfter("counted", printed)).toBe(numberAfter("score", printed));
    const [, low, high] = /spread ([\d.]+) ([\d.]+)/.exec(printed) ?? [];
    expect(Number(low)).toBeLessThan(Number(high));
  },
  "A data set": (printed) =>
    expect(printed.split("\n").slice(0, 3)).toEqual([
      "true 2 clips",
      expect.stringMatching(/^moods\.csv:4: "sleepy" is none of/),
      expect.stringMatching(/^moods\.csv:5: d\.wav is not there/),
    ]),
};

it("has an example for each, of fewer than 60 lines", () => {
  expect(examples.map(({ heading }) => heading)).toEqual(Object.keys(checks));
  for (const { at, code } of examples) expect(code.split("\n").length - 1, at).toBeLessThan(60);
});

it("compiles", async () => {
  const files = Object.fromEntries(examples.map(({ code }, i) => [`${i}.ts`, code]));
  expect(await typeErrors(folder.path, files)).toBe("");
});

it.each(examples.map((each) => [each.heading, each] as const))("runs: %s", async (heading, { at, code }) => {
  const printed = await runProgram(folder.path, `run-${at.replace(/\W/g, "-")}`, code);
  expect(printed, at).not.toMatch(/NaN/);
  checks[heading](printed);
});
