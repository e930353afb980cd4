// Measures the tables of kernels that are shipped, one adapter after the other, and writes src/ops/tuned/ADAPTER.ts. Takes some
// minutes and wants a quiet machine; the results hold until a shader of a tuned family changes, which a test notices.
// `npm run tune`, or `node scripts/tune.mjs ADAPTER=NAME …` for others: ADAPTER is what --adapter takes, NAME the table's.
import { spawnSync } from "node:child_process";

const given = process.argv.slice(2);
const tables = given.length > 0 ? given : ["llvmpipe=lavapipe", "embedded=swiftshader"];

function run(args) {
  // Without the driver's cache of compiled kernels, because what a kernel takes to compile counts.
  const env = { ...process.env, MESA_SHADER_CACHE_DISABLE: "true" };
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
  if (status !== 0) process.exit(status ?? 1);
}

run(["esbuild.config.mjs"]);
for (const each of tables) {
  const [adapter, name = adapter] = each.split("=");
  const file = `src/ops/tuned/${name}.ts`;
  run([
    "dist/cli.js",
    "doctor",
    "--adapter",
    adapter,
    "--tune",
    "force",
    "--presets",
    "demo,small",
    "--table",
    file,
  ]);
}
run(["esbuild.config.mjs"]);
