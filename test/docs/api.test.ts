// The API reference is made without a warning, no public name lacks a docstring, and docs/ops.md has the table that the operations' own
// definitions give. TypeDoc reads the sources here as `npm run docs` does, without writing pages.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { opsText, withOps } from "../../scripts/docs.mjs";
import { registry } from "../../src/ops/define.js";

import.meta.glob("../../src/ops/*.ts", { eager: true }); // every operation enters the registry

const folder = mkdtempSync(join(tmpdir(), "melgrad-api-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Reflection {
  name: string;
  variant: string;
  comment?: { summary: { text: string }[]; modifierTags?: string[] };
  children?: Reflection[];
  signatures?: Reflection[];
  getSignature?: Reflection;
  type?: { declaration?: Reflection };
}

const textOf = ({ comment }: Reflection) => comment?.summary.map(({ text }) => text).join("") ?? "";

/** Its own docstring, or that of each of its signatures. */
function isDocumented(each: Reflection): boolean {
  if (textOf(each).trim().length >= 3) return true;
  const parts = each.signatures ?? (each.getSignature ? [each.getSignature] : []);
  return parts.length > 0 && parts.every((part) => textOf(part).trim().length >= 3);
}

describe("the reference", () => {
  it("is made without a warning, and every public name and member has a docstring", async () => {
    const json = join(folder, "api.json");
    const typedoc = resolve("node_modules/typedoc/bin/typedoc");
    // Warnings count as errors there (typedoc.json).
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [typedoc, "--json", json]);
    expect(stdout + stderr).not.toMatch(/warning|error/i);
    const modules = (JSON.parse(readFileSync(json, "utf8")) as Reflection).children ?? [];
    expect(modules.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["melgrad", "melgrad/engine", "melgrad/node"]),
    );
    let [names, members] = [0, 0];
    const undocumented: string[] = [];
    for (const module of modules) {
      for (const name of module.children ?? []) {
        if (name.variant === "reference") continue; // another module's name again
        names++;
        if (!isDocumented(name)) undocumented.push(`${module.name}: ${name.name}`);
        for (const member of name.children ?? []) {
          if (member.name === "constructor") continue;
          members++;
          if (!isDocumented(member)) undocumented.push(`${module.name}: ${name.name}.${member.name}`);
        }
      }
    }
    console.log(`public names ${names}, members ${members}, without docstring ${undocumented.length}`);
    expect(names).toBeGreaterThan(150);
    expect(members).toBeGreaterThan(400);
    expect(undocumented).toEqual([]);
  });

  it("counts a name without one", () => {
    const name = { name: "x", variant: "declaration" };
    const doc = { comment: { summary: [{ text: "What it is." }] } };
    const signature = { name: "x", variant: "signature" };
    expect(isDocumented(name)).toBe(false);
    expect(isDocumented({ ...name, comment: { summary: [{ text: " " }] } })).toBe(false);
    expect(isDocumented({ ...name, signatures: [signature, { ...signature, ...doc }] })).toBe(false);
    expect(isDocumented({ ...name, signatures: [{ ...signature, ...doc }] })).toBe(true);
    expect(isDocumented({ ...name, ...doc })).toBe(true);
  });
});

describe("docs/ops.md", () => {
  it("has the table that the operations give", () => {
    const page = readFileSync("docs/ops.md", "utf8");
    expect(registry.size).toBeGreaterThan(50);
    expect(page, "run npm run docs").toBe(withOps(page, opsText(registry.values())));
  });

  it("has a formula for every operation", () => {
    const short = [...registry.values()].filter(({ doc }) => doc.trim().length < 2).map(({ name }) => name);
    expect(short).toEqual([]);
  });
});
