// What a case's times mean: the ratio to the faster peer, the share of the adapter's ceiling, and whether the bar is met.
// Pure.

/**
 * @param found the case
 * @param entries what contest() gave, ours first
 * @param ceilings { gflops, copyGBs } of this adapter, if measured
 * @param adapterName decides which bar holds
 */
export function judge(found, entries, { ceilings, adapterName = "" } = {}) {
  const [ours, ...peers] = entries;
  const bar = barFor(found.bar, adapterName);
  const faster = peers.filter(({ ms }) => ms !== undefined).sort((a, b) => a.ms - b.ms)[0];
  const share = ceilings && ours.ms ? leastMs(found, ceilings) / ours.ms : undefined;
  const ratio = faster && ours.ms ? faster.ms / ours.ms : undefined;
  const wrong = ours.disagrees ?? (ours.way === undefined ? (ours.dropped ?? "no result") : undefined);
  const cpuRatio = faster?.cpuMs && ours.cpuMs ? faster.cpuMs / ours.cpuMs : undefined;
  const met = wrong && bar ? false : isMet(bar, ratio, share);
  return { ratio, cpuRatio, faster: faster?.name, share, bar, met, wrong };
}

function barFor(bar, adapterName) {
  if (!bar) return undefined;
  const { lavapipe, ...everywhere } = bar;
  return lavapipe && isLavapipe(adapterName) ? lavapipe : everywhere;
}

function isLavapipe(adapterName) {
  return /llvmpipe|lavapipe/i.test(adapterName);
}

/** The higher ones of two measurements. */
export function betterCeilings(one, other) {
  return {
    gflops: Math.max(one.gflops, other.gflops),
    copyGBs: Math.max(one.copyGBs, other.copyGBs),
    copies: one.copies.map(({ MiB, GBs }, i) => ({ MiB, GBs: Math.max(GBs, other.copies[i].GBs) })),
  };
}

/** Milliseconds that the adapter's ceilings allow at least; copies are held against one of about as many bytes. */
function leastMs({ flops = 0, bytes = 0 }, { gflops, copyGBs, copies = [] }) {
  const distance = ({ MiB }) => Math.abs(Math.log(bytes / 2 ** 20 / MiB));
  const nearest = copies.reduce((best, each) => (distance(each) < distance(best) ? each : best), copies[0]);
  return Math.max(flops / gflops, bytes / (nearest?.GBs ?? copyGBs)) / 1e6;
}

/** Undefined where there is no bar or nothing to compare with. */
function isMet(bar, ratio, share) {
  if (!bar || ratio === undefined) return undefined;
  if (ratio >= bar.ratio) return true;
  return bar.share !== undefined && share !== undefined && share >= bar.share && ratio >= 1;
}

/** Seconds that a first step may take on lavapipe, which compiles every kernel when it first runs. */
const coldBar = { off: 12, warm: 3 };

/** Adds `met` to the cold starts of coldStart() to which a bar applies: ours, on lavapipe. */
export function judgeCold(results) {
  return results.map((each, i) => {
    if (i > 0 || !isLavapipe(each.adapter)) return each;
    return { ...each, bar: coldBar, met: each.off <= coldBar.off && each.warm <= coldBar.warm };
  });
}
