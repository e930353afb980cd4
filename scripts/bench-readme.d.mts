import type { BenchReport } from "../bench/results.js";

/** A report under its file's name. */
export type NamedReport = BenchReport & { name: string };

export const begin: string;
export const end: string;
export function readResults(folder: string): NamedReport[];
export function benchText(reports: readonly NamedReport[]): string;
export function withBench(page: string, text: string): string;
