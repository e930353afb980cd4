// What web/build.mjs exports.
export const defaultFolder: string;
export function buildWeb(options?: {
  folder?: string;
  entry?: string;
  worker?: boolean;
}): Promise<import("esbuild").Metafile>;
