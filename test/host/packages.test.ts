// Package fetching without a package client: what apt-get prints, licence lines, commands that fail or stand still, and folders
// that appear whole or not at all.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { cacheFolder, createFolderWhole, writeWhole } from "../../src/host/cache.js";
import { CommandError, runCommand } from "../../src/host/command.js";
import { fetchDebian, parseCandidates } from "../../src/host/debian.js";
import { licenceLine } from "../../src/host/licence.js";
import { fetchNpm } from "../../src/host/npm.js";
import { PackagesUnavailableError } from "../../src/host/packages.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "melgrad-packages-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("parseCandidates", () => {
  it("reads names, versions, sizes and checksums, and keeps no address", () => {
    const sum = "a".repeat(64);
    const found = parseCandidates(
      `W: something\n'scheme:address' tune-data_1%3a2.0-3_all.deb 1234 SHA256:${sum}\n'x' lib+x_4_amd64.deb 5\n`,
    );
    expect(found).toEqual([
      {
        file: "tune-data_1%3a2.0-3_all.deb",
        name: "tune-data",
        version: "1:2.0-3",
        bytes: 1234,
        sha256: sum,
      },
      { file: "lib+x_4_amd64.deb", name: "lib+x", version: "4", bytes: 5, sha256: "" },
    ]);
  });
});

describe("licenceLine", () => {
  it("reads the machine-readable form without the packaging's own licence", () => {
    const text =
      "Format: x\n\nFiles: *\nCopyright: A\nLicense: CC-BY-SA-3.0\n\nFiles: m/*\nLicense: GPL-2+\n text\n\nFiles: debian/*\nLicense: MIT\n\nLicense: GPL-2+\n text\n";
    expect(licenceLine(text)).toBe("CC-BY-SA-3.0; GPL-2+");
  });

  it("knows some sentences, and says where to look otherwise", () => {
    expect(
      licenceLine("Permission is hereby granted, free of charge, to any person … to deal\nin the Software"),
    ).toBe("MIT-style");
    const gpl =
      "under the terms of the GNU General Public License version 2\n or at your option any later version";
    expect(
      licenceLine(`${gpl}. fonts: Permission is hereby granted, free of charge, to deal in the Software`),
    ).toBe("GPL-2+");
    expect(licenceLine("some rights")).toBe("see its copyright file");
  });
});

describe("runCommand", () => {
  const node = process.execPath;

  it("gives what was printed, and tells failures apart", async () => {
    expect(await runCommand(node, ["-e", "console.log(6 * 7)"])).toBe("42\n");
    await expect(runCommand(node, ["-e", "console.error('bad'); process.exit(3)"])).rejects.toMatchObject({
      kind: "failed",
      output: "bad",
    });
    await expect(runCommand("no-such-program-here", [])).rejects.toMatchObject({ kind: "missing" });
  });

  it("ends a program that stands still, but not one whose pulse moves", async () => {
    const sleep = ["-e", "setTimeout(() => {}, 2500)"];
    const error = await runCommand(node, sleep, { stallMs: 400 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect(error.kind).toBe("stalled");
    let beats = 0;
    await runCommand(node, sleep, { stallMs: 1000, pulse: async () => beats++ });
  });

  it("does not take a clock that is set forward for time that has passed", async () => {
    const clock = Date.now;
    let hours = 0;
    const set = vi.spyOn(Date, "now").mockImplementation(() => clock() + 3_600_000 * hours++);
    try {
      await runCommand(node, ["-e", "setTimeout(() => {}, 1500)"], { stallMs: 60_000 });
    } finally {
      set.mockRestore();
    }
  });

  it("is stopped by its signal", async () => {
    const abort = new AbortController();
    const reason = new Error("enough");
    const run = runCommand(node, ["-e", "setTimeout(() => {}, 60000)"], { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 200);
    await expect(run).rejects.toBe(reason);
  });
});

describe("the cache", () => {
  it("lies where it is told to, before all else", () => {
    expect(cacheFolder(dir)).toBe(dir);
  });

  it("never shows half a file or folder", async () => {
    await writeWhole(join(dir, "deep/er/a.txt"), "one");
    await writeWhole(join(dir, "deep/er/a.txt"), "two");
    expect(await readFile(join(dir, "deep/er/a.txt"), "utf8")).toBe("two");
    const target = join(dir, "whole");
    await expect(
      createFolderWhole(target, async (part) => {
        await writeFile(join(part, "x"), "x");
        throw new Error("half way");
      }),
    ).rejects.toThrow("half way");
    expect((await readdir(dir)).filter((entry) => entry.startsWith("whole"))).toEqual([]);
    await createFolderWhole(target, (part) => writeFile(join(part, "x"), "first"));
    await createFolderWhole(target, (part) => writeFile(join(part, "x"), "second"));
    expect(await readFile(join(target, "x"), "utf8")).toBe("first");
    expect((await readdir(dir)).filter((entry) => entry.endsWith(".part"))).toEqual([]);
  });
});

describe("fetching offline", () => {
  const offline = "told not to";

  it("serves what the cache has and refuses the rest, naming the reason", async () => {
    const root = join(dir, "debian/tune");
    await writeWhole(join(root, "usr/share/doc/tune/copyright"), "Format: x\n\nFiles: *\nLicense: Expat\n");
    await writeWhole(join(root, "fetched.json"), JSON.stringify({ version: "2", sha256: "00" }));
    const options = { cacheDir: dir, offline };
    expect(await fetchDebian([{ name: "tune", version: "1" }], options)).toEqual([
      { name: "tune", version: "2", dir: root, licence: "Expat", warning: "tune is version 2, not 1" },
    ]);
    expect((await fetchDebian([{ name: "tune", version: "2", sha256: "11" }], options))[0].warning).toContain(
      "bytes",
    );
    await expect(fetchDebian([{ name: "tune" }, { name: "other" }], options)).rejects.toThrow(offline);
    await expect(fetchNpm([{ name: "other", version: "1.0.0" }], options)).rejects.toThrow(
      PackagesUnavailableError,
    );
  });
});
