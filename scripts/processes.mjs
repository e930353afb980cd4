// A process and all that descend from it, with what they have spent, by Linux's /proc: for measurements of programs that start others.
import { readdirSync, readFileSync } from "node:fs";

const tickMs = 10; // /proc counts hundredths of a second

/**
 * The processes from `root` on, itself first; those that end meanwhile are left out.
 *
 * @returns {{ pid: number, ms: number }[]} with the processor time of each, in user and in system mode
 */
export function processesFrom(root) {
  const all = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // After the program's name in brackets: state, parent, …, the ticks in user and in system mode.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
      const ms = tickMs * (Number(stat[11]) + Number(stat[12]));
      all.set(Number(pid), { pid: Number(pid), parent: Number(stat[1]), ms });
    } catch {
      // it has ended
    }
  }
  const family = all.has(root) ? [all.get(root)] : [];
  for (const { pid } of family) family.push(...[...all.values()].filter(({ parent }) => parent === pid));
  return family.map(({ pid, ms }) => ({ pid, ms }));
}
