import type { Plugin as EsbuildPlugin } from "esbuild";
import type { Plugin as VitePlugin } from "vite";

export function shaderFiles(folder?: string): string[];
export interface ShaderOptions {
  minify?: boolean;
  without?: readonly string[];
}
export function minifyShader(text: string): string;
export function shaderModule(options?: ShaderOptions): string;
export function bundleShaders(options?: ShaderOptions): EsbuildPlugin;
export const esbuildShaders: EsbuildPlugin;
export const viteShaders: VitePlugin;
