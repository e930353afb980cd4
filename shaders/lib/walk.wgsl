// Walking a shape of RANK axes in row-major order without dividing at every step: a position is split into its index along
// each axis once, and then moved on by a fixed stride with carries. Axes are counted from the innermost: x0, x1, …; OUTER is
// RANK - 1, and LAST the name of the outermost one. INDEX is u32, or vec4<u32> for four positions side by side.
// Lengths and strides are given as values that were read before the loop, so that no compiler reads them again in every round.
struct Axes {
#repeat k RANK
  x##k: u32,
#end
}

struct Walk {
#repeat k RANK
  x##k: INDEX,
#end
}

/// The place of element `i` in axes of lengths `n`.
fn walk_at(i: INDEX, n: Axes) -> Walk {
  var walk: Walk;
  var rest = i;
#repeat k OUTER
  let q##k = rest / n.x##k;
  walk.x##k = rest - q##k * n.x##k;
  rest = q##k;
#end
  walk.LAST = rest;
  return walk;
}

/// `step` elements further on; `step` as walk_at gives it.
fn walk_on(before: Walk, step: Walk, n: Axes) -> Walk {
  var walk: Walk;
  var carry = INDEX(0u);
#repeat k OUTER
  let sum##k = before.x##k + step.x##k + carry;
  let over##k = sum##k >= INDEX(n.x##k);
  walk.x##k = select(sum##k, sum##k - n.x##k, over##k);
  carry = select(INDEX(0u), INDEX(1u), over##k);
#end
  walk.LAST = before.LAST + step.LAST + carry;
  return walk;
}

/// Where that is by `strides`.
fn walk_to(walk: Walk, strides: Axes) -> INDEX {
  var at = INDEX(0u);
#repeat k RANK
  at += walk.x##k * strides.x##k;
#end
  return at;
}
