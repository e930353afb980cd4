export function browserBundle(
  entry: string,
  options?: { alone?: boolean },
): Promise<{ code: string; imports: string[] }>;
