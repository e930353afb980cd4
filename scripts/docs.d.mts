/** An entry of the registry of operations. */
export interface OpEntry {
  name: string;
  doc: string;
  differentiable: boolean;
}
export declare const begin: string;
export declare const end: string;
export declare function opsText(entries: Iterable<OpEntry>): string;
export declare function withOps(page: string, text: string): string;
