// The pages that people read: the README stays short, and no relative link leads nowhere. What their code blocks do is tested beside.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const pages = [
  "README.md",
  "NOTES.md",
  "CONTRIBUTING.md",
  "examples/README.md",
  "bench/learning/README.md",
  "bench/peers/README.md",
  "bench/gpu/README.md",
  ...readdirSync("docs")
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** A page without its code blocks, line by line. */
function prose(path: string): string {
  return readFileSync(path, "utf8").replace(/^```[\s\S]*?^```$/gm, "");
}

/** What a heading is linked by: small letters, digits and dashes. */
function anchorsOf(path: string): string[] {
  return [...prose(path).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

it("has a README of fewer than 150 lines", () => {
  expect(readFileSync("README.md", "utf8").split("\n").length).toBeLessThan(150);
});

it("links only to files and headings that are there", () => {
  const broken: string[] = [];
  let seen = 0;
  for (const page of pages) {
    for (const [, target] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      seen++;
      const [path, anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(file)) broken.push(`${page}: ${target}`);
      else if (anchor && !anchorsOf(file).includes(anchor)) broken.push(`${page}: ${target}`);
    }
  }
  expect(seen).toBeGreaterThan(20);
  expect(broken).toEqual([]);
});

it("is linked from the README, page by page", () => {
  const readme = prose("README.md");
  expect(pages.filter((page) => page.startsWith("docs/") && !readme.includes(`(${page}`))).toEqual([]);
});
