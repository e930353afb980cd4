#!/usr/bin/env node
// `node train.js ARGUMENTS` is `melgrad train ARGUMENTS`: it runs the built command, and builds nothing itself.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const command = new URL("./dist/cli.js", import.meta.url);
if (existsSync(command)) {
  process.argv = [process.argv[0], fileURLToPath(command), "train", ...process.argv.slice(2)];
  await import(command.href);
} else {
  console.error("melgrad is not built yet: run npm ci in this folder first.");
  process.exitCode = 1;
}
