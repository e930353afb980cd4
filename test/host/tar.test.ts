// The tar reader against archives that the system's own tar wrote.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { tarFiles } from "../../src/host/node/tar.js";

it.each(["gnu", "ustar"])("reads files of any size and long names from a %s archive", (format) => {
  const folder = mkdtempSync(join(tmpdir(), "melgrad-tar-"));
  try {
    const long = `${"a".repeat(60)}/${"b".repeat(60)}/c.bin`;
    const files = new Map([0, 1, 511, 512, 513, 70_000].map((size) => [`f${size}`, randomBytes(size)]));
    files.set(long, randomBytes(100));
    for (const [name, data] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), data, { mode: 0o755 });
    }
    const archive = execFileSync("tar", ["-c", `--format=${format}`, "-C", folder, ...files.keys()]);
    const read = [...tarFiles(archive)];
    expect(read.map((file) => file.name)).toEqual([...files.keys()]);
    for (const file of read) {
      expect(Buffer.from(file.data).equals(files.get(file.name)!)).toBe(true);
      expect(file.mode & 0o100).toBe(0o100);
    }
    expect(() => [...tarFiles(archive.subarray(0, 4096))]).toThrow(/cut off/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
