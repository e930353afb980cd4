// Fetching lavapipe where nothing faster is found, in processes of their own with an apt-get and a dpkg made here. Their driver is the
// embedded one under lavapipe's name, so that what was fetched really opens. No network, and nothing of this machine's drivers.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"; // biome-ignore format: one line
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unpackEmbeddedDriver } from "../../src/host/node/embedded.js";
import { resolveSettings, withUsual } from "../../src/train/config.js";
import { bundleScript } from "../support/bundle.js";

const scratch = mkdtempSync(join(tmpdir(), "melgrad-fetch-"));
const script = join(scratch, "probe.mjs");
const mirror = join(scratch, "mirror");
const programs = join(scratch, "bin");
const driverFile = "mesa-vulkan-drivers_25.1.2-3_amd64.deb";
const helperFile = "libhelper1_1%3a2.0-1_amd64.deb";

/** An apt-get that knows two packages. FAKE says how it fails; what it was asked goes to $FAKE_LOG. */
const aptGet = `#!/bin/bash
echo "$*" >> "$FAKE_LOG"
for word in "$@"; do case $word in -oDir::State::lists=*) lists=\${word#*=};; esac; done
version=25.1.2-3; [ "$FAKE" = old ] && version=22.3.6-1
entry() { echo "'x:y/$1' $1 $2 $3"; }
case "$*" in
  *indextargets*) echo "x:y bookworm";;
  *update*) [ "$FAKE" = down ] || echo > "$lists/y_main_Packages";;
  *--print-uris*install*)
    entry ${helperFile} $(stat -c %s "$MIRROR/${helperFile}") MD5Sum:0
    entry mesa-vulkan-drivers_\${version}_amd64.deb $(stat -c %s "$MIRROR/${driverFile}");;
  *--print-uris*download*)
    [ "$FAKE" = sum ] && sum=${"0".repeat(64)} || sum=$(sha256sum < "$MIRROR/${driverFile}" | cut -c1-64)
    entry ${helperFile} $(stat -c %s "$MIRROR/${helperFile}") SHA256:$(sha256sum < "$MIRROR/${helperFile}" | cut -c1-64)
    entry ${driverFile} $(stat -c %s "$MIRROR/${driverFile}") SHA256:$sum;;
  *download*)
    cp "$MIRROR/${helperFile}" .
    [ "$FAKE" = refuse ] && { echo "E: Failed to fetch x:y  404  Not Found" >&2; exit 100; }
    [ "$FAKE" = slow ] && exec sleep 60
    cp "$MIRROR/${driverFile}" .;;
esac`;
const dpkg = `#!/bin/bash
mkdir -p "$3" && tar -xf "$2" -C "$3"`;

beforeAll(async () => {
  const { icd } = await unpackEmbeddedDriver();
  const tree = (name: string, ...path: string[]) => {
    const folder = join(mirror, name, ...path);
    mkdirSync(folder, { recursive: true });
    return folder;
  };
  const library = tree("driver", "usr/lib/x86_64-linux-gnu");
  await copyFile(join(icd, "..", "libvk_swiftshader.so"), join(library, "libvulkan_lvp.so"));
  await writeFile(join(library, "libvulkan_other.so"), "another driver");
  const doc = tree("driver", "usr/share/doc/mesa-vulkan-drivers");
  await writeFile(join(doc, "copyright"), "Format: x\n\nFiles: *\nLicense: Expat\n");
  // Any library that is no part of the C library serves as what the driver needs.
  const helper = tree("helper", "usr/lib/x86_64-linux-gnu");
  await copyFile(join(icd, "..", "libvulkan.so.1"), join(helper, "libhelper.so.1.2"));
  symlinkSync("libhelper.so.1.2", join(helper, "libhelper.so.1"));
  const pack = (from: string, file: string) =>
    new Promise<void>((done) =>
      spawn("tar", ["-cf", join(mirror, file), "-C", join(mirror, from), "usr"]).on("close", () => done()),
    );
  await Promise.all([pack("driver", driverFile), pack("helper", helperFile)]);
  mkdirSync(programs);
  for (const [name, text] of Object.entries({ "apt-get": aptGet, dpkg })) {
    await writeFile(join(programs, name), text);
    chmodSync(join(programs, name), 0o755);
  }
  await bundleScript(
    `import { openNodeGpu } from "./src/host/node/adapter.ts";
        import { driverFetch } from "./src/host/node/fetch-driver.ts";
        import { adapterLine } from "./src/host/types.ts";
        const notes = [];
        const bars = new Set();
        const stopping = new AbortController();
        process.on("SIGTERM", () => stopping.abort(new Error("stopped")));
        const options = { note: (text) => notes.push(text), onProgress: ({ what }) => bars.add(what), signal: stopping.signal };
        const fetchDriver = process.env.PLAIN ? undefined : driverFetch(options);
        try {
          const host = await openNodeGpu({ fetchDriver });
          console.log(JSON.stringify({ line: adapterLine(host), kind: host.kind, notes, bars: [...bars] }));
        } catch (error) {
          console.log(JSON.stringify({ error: error.message, notes, bars: [...bars] }));
        }`,
    script,
  );
  symlinkSync(resolve("node_modules"), join(scratch, "node_modules"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Answer {
  line?: string;
  kind?: string;
  error?: string;
  notes: string[];
  bars: string[];
}

/** A machine without drivers, with a cache of its own and these programs. */
function machine() {
  const cache = mkdtempSync(join(scratch, "cache-"));
  const log = `${cache}.log`;
  const start = (env: Record<string, string>) => {
    const {
      MELGRAD_ADAPTER: _a,
      VK_DRIVER_FILES: _f,
      MELGRAD_FETCH: _m,
      MELGRAD_OFFLINE: _o,
      ...rest
    } = process.env;
    const child = spawn(process.execPath, [script], {
      cwd: scratch,
      env: {
        ...rest,
        PATH: `${programs}:${process.env.PATH}`,
        VK_ICD_FILENAMES: "/nonexistent.json",
        MELGRAD_CACHE: cache,
        TMPDIR: scratch,
        MIRROR: mirror,
        FAKE_LOG: log,
        ...env,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.on("data", (data) => {
      out += data;
    });
    const done = new Promise<Answer>((finish) =>
      child.on("close", () => finish(JSON.parse(out || '{"error":"killed","notes":[],"bars":[]}'))),
    );
    return { child, done };
  };
  return {
    start,
    run: (env: Record<string, string> = {}) => start(env).done,
    folder: join(cache, `lavapipe-${process.arch}`),
    asked: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    /** What of lavapipe lies in the cache. */
    left: () => readdirSync(cache).filter((name) => name.startsWith("lavapipe")),
  };
}

const embedded = { kind: "embedded" };

describe.runIf(process.platform === "linux" && process.arch === "x64")("lavapipe", () => {
  it("is fetched once, whole, with its licence, and then simply there", async () => {
    const here = machine();
    const first = await here.run();
    expect(first).toMatchObject({ kind: "system-software" });
    expect(first.line).toMatch(/^adapter: .*\[software, fetched\]$/);
    expect(first.notes).toHaveLength(2);
    expect(first.notes[0]).toMatch(/no GPU and no Vulkan driver.*lavapipe.*MELGRAD_FETCH=off/);
    expect(first.notes[1]).toMatch(/Mesa 25\.1\.2-3, Expat; in .*lavapipe/);
    expect(first.bars).toContain("fetching lavapipe, 2 packages");
    expect(here.left()).toEqual([`lavapipe-${process.arch}`]);
    expect(readdirSync(here.folder).sort()).toEqual(
      ["copyright", "fetched.json", "libhelper.so.1", "libraries.json", "libvulkan_lvp.so", "lvp_icd.json"], // biome-ignore format: one line
    );
    const sum = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    const original = join(mirror, "driver/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so");
    expect(sum(await readFile(join(here.folder, "libvulkan_lvp.so")))).toBe(sum(await readFile(original)));
    const asked = here.asked();
    expect(await here.run({ MELGRAD_FETCH: "off" })).toMatchObject({ kind: "system-software", notes: [] });
    expect(await here.run()).toMatchObject({ kind: "system-software", notes: [] });
    expect(here.asked()).toBe(asked);
  });

  it("is not fetched where that is prevented, nor by open() by itself", async () => {
    const here = machine();
    const preventing: Record<string, string>[] = [
      { MELGRAD_FETCH: "off" },
      { MELGRAD_OFFLINE: "1" },
      { MELGRAD_ADAPTER: "embedded" },
      { PLAIN: "1" },
    ];
    for (const env of preventing) expect(await here.run(env)).toMatchObject({ ...embedded, notes: [] });
    expect(here.asked()).toBe("");
  });

  it.each([
    ["sum", /mesa-vulkan-drivers came with a wrong checksum/],
    ["down", /apt-get could not reach its mirror/],
    ["refuse", /Failed to fetch .*404/],
    ["old", /Mesa 22\.3\.6-1, and WebGPU needs 24 or newer/],
  ])("gives way to the embedded adapter, with the reason in a line: %s", async (fake, reason) => {
    const here = machine();
    const answer = await here.run({ FAKE: fake });
    expect(answer).toMatchObject(embedded);
    expect(answer.notes).toHaveLength(2);
    expect(answer.notes[1]).toMatch(reason);
    expect(answer.notes[1]).not.toContain("\n");
    const kept = `lavapipe-${process.arch}-too-old.json`;
    expect(here.left()).toEqual(fake === "old" ? [kept] : []);
    if (fake === "old" || fake === "down") expect(here.asked()).not.toMatch(/ download /);
  });

  it("is not asked for again where the system's Mesa is too old, until the system is another or a month has passed", async () => {
    const here = machine();
    await here.run({ FAKE: "old" });
    const asked = here.asked();
    const again = await here.run({ FAKE: "old" });
    expect(again).toMatchObject(embedded);
    expect(again.notes).toEqual([
      expect.stringMatching(/Mesa 22\.3\.6-1, and WebGPU needs 24.*not asked again/),
    ]);
    expect(here.asked()).toBe(asked);
    const file = `${here.folder}-too-old.json`;
    const kept = JSON.parse(readFileSync(file, "utf8"));
    for (const changed of [
      { release: "another" },
      { at: kept.at - 31 * 24 * 3600 * 1000 },
      { at: "damaged" },
    ]) {
      await writeFile(file, JSON.stringify({ ...kept, ...changed }));
      expect((await here.run({ FAKE: "old" })).notes).toHaveLength(2);
    }
    await writeFile(file, "{");
    expect(await here.run()).toMatchObject({ kind: "system-software" });
  });

  it("gives way where there is no apt-get", async () => {
    const answer = await machine().run({ PATH: join(scratch, "nothing") });
    expect(answer).toMatchObject(embedded);
    expect(answer.notes[1]).toMatch(/there is no apt-get on this machine; going on without it/);
  });

  it("leaves nothing half done when it is stopped or killed, and works the next time", async () => {
    const here = machine();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const { child, done } = here.start({ FAKE: "slow" });
      const before = here.asked().split(" download ").length;
      await expect.poll(() => here.asked().split(" download ").length, { timeout: 60_000 }).toBe(before + 2);
      child.kill(signal);
      expect(await done).toMatchObject({ error: signal === "SIGTERM" ? "stopped" : "killed" });
      expect(existsSync(here.folder)).toBe(false);
      expect(here.left().length).toBe(signal === "SIGTERM" ? 0 : 1);
    }
    expect(await here.run()).toMatchObject({ kind: "system-software" });
    expect(here.left()).toEqual([`lavapipe-${process.arch}`]);
  });
});

it("demo asks for targets, and is longer where the adapter is faster than the embedded one, unless it is said otherwise", () => {
  const settings = { preset: "demo", data: { kind: "corpus", name: "auto" }, seed: 0 } as const;
  const resolved = (kind: "hardware" | "system-software" | "embedded", given = {}) =>
    resolveSettings(withUsual({ ...settings, ...given }, kind));
  const crops = (...words: Parameters<typeof resolved>) => {
    const { steps, batch } = resolved(...words).pretrain;
    return [steps, batch];
  };
  expect(crops("embedded")).toEqual([200, 8]);
  expect(resolved("embedded").model.cropFrames).toBe(128);
  expect(resolved("embedded").pretrain.objective).toBe("targets");
  for (const kind of ["hardware", "system-software"] as const) {
    const [steps, batch] = crops(kind);
    expect(steps * batch).toBeGreaterThanOrEqual(4 * 200 * 8);
    expect(crops(kind, { steps: 7, batch: 3 })).toEqual([7, 3]);
    expect(crops(kind, { preset: "small" })).toEqual([20_000, 16]);
    expect(resolved(kind).model.cropFrames).toBe(256);
    expect(resolved(kind, { crop: 64 }).model.cropFrames).toBe(64);
    expect(resolved(kind, { data: { kind: "folder", path: "music" } }).model.cropFrames).toBe(128);
    expect(resolved(kind, { objective: "joint" }).pretrain.objective).toBe("joint");
    expect(resolved(kind, { preset: "small" }).pretrain.objective).toBe("joint");
  }
});
