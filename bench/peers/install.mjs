// Installs the peers into this folder, exactly as its lock file has them, unless they are there.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));

/** Versions by package; undefined where one is absent or not the locked one. */
export function installedPeers() {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const versions = {};
  for (const [name, wanted] of Object.entries(dependencies)) {
    const file = join(folder, "node_modules", name, "package.json");
    if (!existsSync(file)) return undefined;
    versions[name] = JSON.parse(readFileSync(file, "utf8")).version;
    if (versions[name] !== wanted) return undefined;
  }
  return versions;
}

/** @throws Error with what to do where the installation fails */
export async function ensurePeers(note) {
  const present = installedPeers();
  if (present) return present;
  note(`installing the peers into ${folder} (npm ci, once)`);
  const code = await new Promise((resolve) => {
    const npm = spawn("npm", ["ci", "--ignore-scripts", "--prefix", folder], {
      stdio: ["ignore", "ignore", "inherit"],
      shell: process.platform === "win32",
    });
    npm.on("error", () => resolve(-1));
    npm.on("close", resolve);
  });
  const versions = installedPeers();
  if (code !== 0 || !versions) {
    throw new Error(`The peers could not be installed: run npm ci --prefix ${folder} and see what it says.`);
  }
  return versions;
}
