// Pages with a part that a command writes, between two lines of comment.

/**
 * The page with what stands between the lines `begin` and `end` replaced. Throws where one is missing; `name` is the page's file. Pure.
 */
export function withMarked(name, page, { begin, end }, text) {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`${name} needs the lines "${begin}" and "${end}", in this order.`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}
