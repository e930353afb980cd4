// `melgrad bench` alone, for a bundle that needs no other package than webgpu (pack.mjs).
import { Command } from "commander";
import { registerBench } from "../../src/cli/bench.js";

const program = new Command("melgrad");
registerBench(program);
await program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
