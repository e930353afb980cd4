// Where the reference set is that a run without an argument takes.
import { existsSync } from "node:fs";
import { join } from "node:path";

/** `asked`, else MELGRAD_GOLDEN, else ../shared/golden beside the project, else the small set in the project. */
export function referenceFolder(root: string, asked?: string): string {
  const named = asked ?? process.env.MELGRAD_GOLDEN;
  if (named) return named;
  const shared = join(root, "../shared/golden");
  return existsSync(join(shared, "manifest.json")) ? shared : join(root, "test/golden/set");
}
