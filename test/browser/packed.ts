// The package as npm would deliver it: packed from a copy of the repository, so that `prepare` builds it anew, and unpacked into
// the node_modules of an otherwise empty project. Nothing comes from the network.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const left = new Set(["node_modules", ".git", "dist", "runs"]);

export interface Project {
  /** A folder whose node_modules hold melgrad and the types that it depends on. */
  folder: string;
  /** Paths in the tarball. */
  files: string[];
  remove(): Promise<void>;
}

/** Packs melgrad and puts it into a new project. */
export async function packedProject(): Promise<Project> {
  const root = resolve(".");
  const folder = await mkdtemp(join(tmpdir(), "melgrad-packed-"));
  const copy = join(folder, "source");
  await cp(root, copy, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: copy,
    maxBuffer: 1 << 26,
  });
  // What `prepare` prints comes first.
  const [packed] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as {
    filename: string;
    files: { path: string }[];
  }[];
  const project = join(folder, "project");
  await mkdir(join(project, "node_modules"), { recursive: true });
  await run("tar", ["-xzf", join(folder, packed.filename), "-C", folder]);
  await rename(join(folder, "package"), join(project, "node_modules/melgrad"));
  await symlink(join(root, "node_modules/@webgpu"), join(project, "node_modules/@webgpu"));
  await rm(copy, { recursive: true });
  return {
    folder: project,
    files: packed.files.map(({ path }) => path),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
