// Walking a shape of RANK axes in row-major order without dividing at every step: a position is split into its index along
// each axis once, and then moved on by a fixed stride with carries. Axes are counted from the innermost: x0, x1, …; OUTER is
// RANK - 1, and LAST the name of the outermost index. INDEX is u32, or vec4<u32> for four positions side by side.
// The including file has p.n0, p.n1, …: the lengths of all axes but the outermost.
struct Walk {
#repeat k RANK
  x##k: INDEX,
#end
}

/// The place of element `i`.
fn walk_at(i: INDEX) -> Walk {
  var walk: Walk;
  var rest = i;
#repeat k OUTER
  let q##k = rest / p.n##k;
  walk.x##k = rest - q##k * p.n##k;
  rest = q##k;
#end
  walk.LAST = rest;
  return walk;
}

/// `step` elements further on; `step` as walk_at gives it.
fn walk_on(before: Walk, step: Walk) -> Walk {
  var walk: Walk;
  var carry = INDEX(0u);
#repeat k OUTER
  let sum##k = before.x##k + step.x##k + carry;
  let over##k = sum##k >= INDEX(p.n##k);
  walk.x##k = select(sum##k, sum##k - p.n##k, over##k);
  carry = select(INDEX(0u), INDEX(1u), over##k);
#end
  walk.LAST = before.LAST + step.LAST + carry;
  return walk;
}
