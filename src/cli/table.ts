// Tables of text in columns that line up. Nothing about terminals or colours.

/**
 * Rows below their header, columns padded to their widest cell; the first `textColumns` are aligned to the left, numbers to
 * the right. Every row needs as many cells as the header.
 */
export function alignTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns = 1,
): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => [...line[column]].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const gap = " ".repeat(widths[column] - [...cell].length);
          return column < textColumns ? cell + gap : gap + cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
