// One case between all libraries: every way of each is checked and tried, the fastest way of each goes on, and then the
// libraries take turns, one timed call each a round.
import { losses as knownLosses, lossTolerance } from "./cases/step.mjs";
import { SideEnded } from "./side.mjs";
import { largestError, lossError, median } from "./statistics.mjs";

/** Seconds that a library may try its ways for; those that are left are passed over. */
const trialBudget = 12;
/** A call that is expected to take longer than this, in seconds, is not tried if another peer's is expected to be shorter. */
const longestCall = 30;
/** A call longer than this, in seconds, is made once: no turns. */
const longestTurn = 20;
/** Seconds for the turns of a case: where they would take longer, fewer rounds than asked for are made, but five at least. */
const turnBudget = 120;
/** A library this far behind the fastest after its trial, with calls of more than a second, takes no turns. */
const hopeless = 2;

/** What a library took of an operation before: the way that won, and its milliseconds a unit of work. */
const paces = new Map();

/**
 * @param found a case of cases/
 * @param sides open Sides, ours first
 * @param options rounds at least, the least milliseconds of turns, and a function that is told what goes on
 */
export async function contest(found, sides, { rounds = 10, leastMs = 1500, note = () => {} } = {}) {
  const expected = found.train ? undefined : found.expected(found.inputs());
  const entries = [];
  const leastGuess = Math.min(...sides.slice(1).map((side) => guessFor(found, side)));
  for (const side of sides) {
    note(`${found.name}: ${side.name}`);
    entries.push(await tryWays(found, side, expected, leastGuess));
  }
  dropHopeless(entries);
  const running = entries.filter(({ chosen, dropped }) => chosen && !dropped);
  note(`${found.name}: rounds of ${running.map(({ name, chosen }) => `${name} (${chosen.way})`).join(", ")}`);
  const roundMs = running.reduce((sum, { chosen }) => sum + chosen.ms, 0);
  const least = Math.min(rounds, Math.max(5, Math.floor((1000 * turnBudget) / roundMs)));
  const start = performance.now();
  const brief = (round) => performance.now() - start < leastMs && round < 5 * rounds;
  for (let round = 0; round < least || brief(round); round++) {
    for (const entry of running) await takeTurn(entry);
  }
  for (const { side } of entries) if (side.running) await side.ask("finish").catch(() => {});
  compare(found, entries, expected);
  return entries.map(summary);
}

/** First call, check and a trial of each way. `chosen` is the fastest one that is right. */
async function tryWays(found, side, expected, leastGuess) {
  const entry = {
    name: side.name,
    side,
    tried: [],
    samples: [],
    cpuSamples: [],
    chosen: undefined,
    dropped: undefined,
  };
  try {
    if (!side.running) await side.open();
    const { ways } = await side.ask("prepare", { name: found.name });
    const start = performance.now();
    for (const way of ways) {
      const spent = (performance.now() - start) / 1000;
      const pace = found.work && paces.get(`${side.name} ${found.op}`);
      const guess = guessFor(found, side);
      if (pace && pace.way !== way) {
        entry.tried.push({ way, status: "not tried, slower in a case before" });
      } else if (guess > longestCall * 1000 && guess > leastGuess) {
        entry.tried.push({ way, status: `not tried, would take ${Math.round(guess / 1000)} s` });
        entry.dropped = `would take about ${Math.round(guess / 1000)} s a call`;
      } else if (entry.chosen && spent > trialBudget) {
        entry.tried.push({ way, status: "not tried, out of time" });
      } else {
        const trial = await tryWay(found, side, way, expected);
        entry.tried.push(trial);
        if (trial.status !== "right" || trial.ms > (entry.chosen?.ms ?? Infinity)) {
          await side.ask("drop", { way });
        } else {
          if (entry.chosen) await side.ask("drop", { way: entry.chosen.way });
          entry.chosen = trial;
        }
      }
    }
    if (entry.chosen && found.work) {
      const { way, ms } = entry.chosen;
      paces.set(`${side.name} ${found.op}`, { way, ms: ms / found.work });
    }
  } catch (error) {
    await giveUp(entry, error);
  }
  if (!entry.chosen) entry.dropped ??= "no way of it works";
  return entry;
}

/** Milliseconds that a call should take by a smaller case of the same operation; 0 where there was none. */
function guessFor(found, side) {
  const pace = paces.get(`${side.name} ${found.op}`);
  return pace && found.work ? pace.ms * found.work : 0;
}

async function tryWay(found, side, way, expected) {
  try {
    const first = await side.ask("first", { way, at: expected?.map(({ at }) => at) });
    const trial = {
      way,
      firstMs: first.ms,
      values: first.values,
      losses: found.train ? [first.loss] : undefined,
    };
    const calls = first.ms > longestTurn * 1000 && !found.train ? 0 : first.ms > 5000 ? 1 : 2;
    const times = calls === 0 ? [first.ms] : [];
    for (let i = 0; i < calls; i++) {
      const { ms, loss } = await side.ask("timed", { way });
      times.push(ms);
      trial.losses?.push(loss);
    }
    trial.ms = Math.min(...times);
    trial.error = found.train ? lossError(trial.losses, knownLosses) : largestError(trial.values, expected);
    const right = trial.error <= (found.train ? lossTolerance : found.tolerance);
    return { ...trial, status: right ? "right" : `wrong by ${trial.error.toExponential(1)}` };
  } catch (error) {
    if (error instanceof SideEnded) throw error;
    return { way, status: `fails: ${error.message}` };
  }
}

/** A library whose process died, or whose device may be broken, is left out of this case and started anew for the next. */
async function giveUp(entry, error) {
  entry.dropped = error instanceof SideEnded ? error.message : `fails: ${error.message}`;
  await entry.side.close();
}

/** A peer that cannot be the faster one takes no turns; what it took in its trial stands. */
function dropHopeless(entries) {
  const peers = entries.slice(1).filter(({ chosen, dropped }) => chosen && !dropped);
  const least = Math.min(...peers.map(({ chosen }) => chosen.ms));
  for (const entry of peers) {
    const { ms } = entry.chosen;
    const slow = ms > longestTurn * 1000 || (ms > 1000 && ms > hopeless * least);
    if (slow) entry.dropped = "too slow for turns: trial calls only";
  }
}

async function takeTurn(entry) {
  const { side, chosen } = entry;
  if (entry.dropped) return;
  try {
    const { ms, cpuMs, loss } = await side.ask("timed", { way: chosen.way });
    entry.samples.push(ms);
    entry.cpuSamples.push(cpuMs);
    chosen.losses?.push(loss);
  } catch (error) {
    await giveUp(entry, error);
  }
}

/** Holds the final losses against the known ones, and every library's results against every other's. */
function compare(found, entries, expected) {
  const able = entries.filter(({ chosen }) => chosen);
  for (const entry of able) {
    const { chosen } = entry;
    if (found.train) {
      chosen.error = lossError(chosen.losses, knownLosses);
      if (!(chosen.error <= lossTolerance)) entry.disagrees = `losses are off by ${chosen.error}`;
    }
    for (const other of able) {
      if (other === entry) continue;
      const difference = found.train
        ? Math.max(...chosen.losses.map((loss, i) => Math.abs(loss - (other.chosen.losses[i] ?? loss))))
        : largestError(
            chosen.values,
            expected.map(({ scale, values }, i) => ({
              values: other.chosen.values[i],
              scale: scale ?? scaleOf(values),
            })),
          );
      const allowed = 2 * (found.train ? lossTolerance : found.tolerance);
      if (!(difference <= allowed)) entry.disagrees = `differs from ${other.name} by ${difference}`;
    }
  }
}

function scaleOf(values) {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** What the report needs of an entry. */
function summary({ name, chosen, samples, cpuSamples, dropped, disagrees, tried }) {
  const ms = samples.length > 0 ? median(samples) : chosen?.ms;
  return {
    name,
    way: chosen?.way,
    ms,
    minMs: samples.length > 0 ? Math.min(...samples) : chosen?.ms,
    cpuMs: cpuSamples.length > 0 ? median(cpuSamples) : undefined,
    rounds: samples.length,
    samples,
    firstMs: chosen?.firstMs,
    error: chosen?.error,
    losses: chosen?.losses,
    dropped,
    disagrees,
    tried: tried.map(({ way, status, ms: each, firstMs }) => ({ way, status, ms: each, firstMs })),
  };
}
