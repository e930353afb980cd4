// What web/build.mjs exports.
export const defaultFolder: string;
export function layModel(from: string, folder: string): { name: string; preset: string; bytes: number };
export function buildWeb(options?: {
  folder?: string;
  entry?: string;
  worker?: boolean;
  /** The folder of a released model, or false for none. Default: the package's. */
  model?: string | false;
}): Promise<import("esbuild").Metafile>;
