// The programs of the README and of docs/engine.md compile and run as they stand, and print what their text says of them.
import { afterAll, expect, it } from "vitest";
import { blockFolder, type CodeBlock, codeBlocks, runProgram, typeErrors } from "../support/code-blocks.js";

const folder = blockFolder("docs");
afterAll(() => folder.remove());

const blocks = codeBlocks("docs/engine.md");
const programs = blocks.filter(({ language }) => language === "ts");
const page = blocks.filter(({ language }) => language === "html");
const first = codeBlocks("README.md").filter(({ language }) => language === "js");

/** The numbers after a word that a program printed, in order. */
function numbersAfter(word: string, text: string): number[] {
  return [...text.matchAll(new RegExp(`${word} (-?[\\d.]+)`, "g"))].map(([, value]) => Number(value));
}

/** What a page's script is in Node: the same names from the other host. */
function inNode({ code }: CodeBlock): string {
  const script = code.replace(/<\/?script[^>]*>/g, "");
  expect(script).toContain('from "./melgrad.js"');
  return script.replace("./melgrad.js", "melgrad/node");
}

const checks: Readonly<Record<string, (printed: string) => void>> = {
  "A first tensor": (printed) => {
    expect(printed).toContain("Tensor([2, 2], f32");
    expect(printed).toMatch(/16,\s+26,\s+25,\s+35/);
    expect(printed).toMatch(/\[ 2, 2 \] 25\.5/);
  },
  Gradients: (printed) => expect(printed).toMatch(/^14 Float32Array\(3\) \[ 2, 4, 6 \]\nfalse$/m),
  Memory: (printed) => {
    expect(printed.split("\n").length).toBeGreaterThan(3);
    expect(printed).toMatch(/matmul.*\[256, 256\].*\[3, 3\]/);
    expect(Number(printed.split("\n")[0])).toBeGreaterThan(1000);
  },
  "A classifier": (printed) => {
    expect(numbersAfter("loss", printed)).toHaveLength(4);
    expect(numbersAfter("accuracy", printed)[0]).toBeGreaterThan(0.9);
  },
  "The same, captured": (printed) => {
    const losses = numbersAfter("loss", printed);
    expect(losses).toHaveLength(4);
    expect(losses[0]).toBeGreaterThan(1);
    expect(losses[3]).toBeLessThan(0.5 * losses[0]);
    expect(printed).toMatch(/a step is [1-9]\d* dispatches over [1-9]\d* bytes\n4 tensors, [1-9]\d+ bytes/);
  },
};

it("has a program under each heading that is checked, and a page", () => {
  expect(programs.map(({ heading }) => heading)).toEqual(Object.keys(checks));
  expect(page).toHaveLength(1);
  expect(first).toHaveLength(1);
});

it("compiles", async () => {
  const files = Object.fromEntries(programs.map(({ code }, i) => [`${i}.ts`, code]));
  expect(await typeErrors(folder.path, { ...files, "page.ts": inNode(page[0]) })).toBe("");
});

it.each(programs.map((block) => [block.heading, block] as const))(
  "runs: %s",
  async (heading, { at, code }) => {
    const printed = await runProgram(folder.path, `run-${at.replace(/\W/g, "-")}`, code);
    expect(printed, at).not.toMatch(/NaN/);
    checks[heading](printed);
  },
);

it("runs in a page", async () => {
  const printed = await runProgram(folder.path, "page", `${inNode(page[0])}gpu.close();`);
  expect(printed).toContain("[ 1, 128, 32 ]");
  expect(printed).not.toMatch(/NaN/);
});

it("runs: the README's first tensor", async () => {
  const printed = await runProgram(folder.path, "readme", first[0].code.replace("w.grad.", "w.grad!."));
  const [loss] = printed.split(" ").map(Number);
  expect(loss).toBeGreaterThan(0.01);
  expect(printed).not.toMatch(/NaN/);
});
