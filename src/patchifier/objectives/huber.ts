// Huber's error with its bend at 1, element by element: x²/2 within, |x| − ½ beyond.
import { fuse } from "../../ops/fuse.js";

export const huber = fuse((x) => {
  const size = x.abs();
  const within = size.clamp(0, 1);
  return within.mul(size.sub(within.mul(0.5)));
});
