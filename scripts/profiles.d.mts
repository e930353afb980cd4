export declare const begin: string;
export declare const end: string;
/** What `npm run test:profiles -- --results` keeps. */
export interface Results {
  date: string;
  columns: Record<string, { adapter: string; profiles: Record<string, Record<string, unknown>> }>;
  variants: string[];
}
export declare function mergeResults(before: Results | undefined, reports: readonly unknown[]): Results;
export declare function profilesText(results: Results): string;
export declare function withProfiles(page: string, text: string): string;
export declare function readResults(): Results;
