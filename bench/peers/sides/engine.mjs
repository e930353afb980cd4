// The build of melgrad that is measured: dist/, or the folder that MELGRAD_DIST names.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
export const distFolder = process.env.MELGRAD_DIST ? resolve(process.env.MELGRAD_DIST) : join(root, "dist");

/** What `melgrad/node` exports. */
export function loadEngine() {
  return import(pathToFileURL(join(distFolder, "node.js")).href);
}
