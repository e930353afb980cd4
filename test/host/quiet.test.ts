// What Dawn prints by itself and what it must not take with it, on a pipe and on a terminal, in processes of their own.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withoutKnown } from "../../src/host/node/quiet.js";
import { bundleScript } from "../support/bundle.js";

const scratch = mkdtempSync(join(tmpdir(), "melgrad-quiet-"));
const script = join(scratch, "probe.mjs");
const warning =
  "Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.\n";

beforeAll(async () => {
  await bundleScript(
    `import { writeSync } from "node:fs";
        import { open } from "node:fs/promises";
        import { openNodeGpu } from "./src/host/node/adapter.ts";
        import { quietly } from "./src/host/node/quiet.ts";
        const say = (text) => writeSync(2, text);
        say("before\\n");
        await quietly(() => say(${JSON.stringify(warning)} + "an error of our own\\n"));
        try { await quietly(() => { say("thrown\\n"); throw new Error("x"); }); } catch {}
        say("between\\n");
        const briefly = open("/dev/null");
        await quietly(() => say(${JSON.stringify(warning)} + "after a file was opened\\n"));
        await (await briefly).close();
        let busy = true;
        const opening = (async () => { while (busy) await (await open("/dev/null")).close(); })();
        await quietly(() => say("while files are opened\\n"));
        busy = false;
        await opening;
        console.error("adapter " + (await openNodeGpu()).kind);
        console.error("after");`,
    script,
  );
  symlinkSync(resolve("node_modules"), join(scratch, "node_modules"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What a shell's command prints to stdout. */
function shell(command: string): Promise<string> {
  const child = spawn("bash", ["-c", command], {
    cwd: scratch,
    env: { ...process.env, TMPDIR: scratch },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (data) => {
    out += data;
  });
  return new Promise((done) => child.on("close", () => done(out.replaceAll("\r", ""))));
}

const expected =
  /^before\nan error of our own\nthrown\nbetween\nafter a file was opened\nwhile files are opened\nadapter [\w-]+\nafter\n$/;

describe.runIf(process.platform === "linux")("Dawn's own warnings", () => {
  it.each([
    ["a pipe", `"${process.execPath}" probe.mjs 2>&1 >/dev/null | cat`],
    ["a file that is appended to", `"${process.execPath}" probe.mjs 2>>said >/dev/null; cat said; rm said`],
    ["a terminal", `script -qec '"${process.execPath}" probe.mjs >/dev/null' /dev/null </dev/null`],
  ])("do not reach %s, and everything else does", async (_, command) => {
    expect(await shell(command)).toMatch(expected);
    expect(readdirSync(scratch).filter((name) => name.startsWith("melgrad-stderr"))).toEqual([]);
  });

  it("reach a file, whose place nothing may move", async () => {
    const out = await shell(`"${process.execPath}" probe.mjs >all 2>&1; cat all`);
    expect(out.startsWith(`before\n${warning}an error of our own\n`)).toBe(true);
    expect(out.trimEnd().endsWith("after")).toBe(true);
  });
});

it("only what is known is left out", () => {
  const old =
    "Warning: Vulkan shaderUniform*ArrayDynamicIndexing required.\n - While initializing adapter (backend=BackendType::Vulkan)\n";
  expect(withoutKnown(`a\n${warning}${old}Warning: something else\nError: maxDynamic\n`)).toBe(
    "a\nWarning: something else\nError: maxDynamic\n",
  );
});
