// A script of a test's own, bundled with the sources that it imports, to be run by Node in another process.
import { resolve } from "node:path";
import { build } from "esbuild";

/** Writes `contents`, TypeScript whose imports are relative to the repository, as one ES module. Packages stay outside it. */
export async function bundleScript(contents: string, outfile: string): Promise<void> {
  await build({
    stdin: { contents, resolveDir: resolve("."), loader: "ts" },
    outfile,
    ...{ bundle: true, platform: "node", format: "esm", packages: "external" },
  });
}
