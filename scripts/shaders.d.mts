import type { Plugin as EsbuildPlugin } from "esbuild";
import type { Plugin as VitePlugin } from "vite";

export function shaderFiles(folder?: string): string[];
export function shaderModule(): string;
export const esbuildShaders: EsbuildPlugin;
export const viteShaders: VitePlugin;
