import { defineConfig } from "vitest/config";
import { viteShaders } from "./scripts/shaders.mjs";

export default defineConfig({
  plugins: [viteShaders],
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks", // a Dawn device belongs to a process, not to a worker thread
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
