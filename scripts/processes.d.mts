export function processesFrom(root: number): { pid: number; ms: number }[];
