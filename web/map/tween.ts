// Moves positions from one place to another within half a second; at once where the person wants less motion.

const DURATION = 700;

/** Writes into `shown` from frame to frame and calls `step`; the returned function stops it where it is. */
export function tween(
  from: Float32Array,
  to: Float32Array,
  shown: Float32Array,
  step: () => void,
): () => void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden) {
    shown.set(to);
    step();
    return () => {};
  }
  const origin = Float32Array.from(from);
  const start = performance.now();
  let frame = requestAnimationFrame(function move(now) {
    const t = Math.min(1, Math.max(0, (now - start) / DURATION));
    const eased = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    for (let i = 0; i < shown.length; i++) shown[i] = origin[i] + (to[i] - origin[i]) * eased;
    step();
    if (t < 1) frame = requestAnimationFrame(move);
  });
  return () => cancelAnimationFrame(frame);
}
