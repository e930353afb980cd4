// The results as a table for people. Numbers only; what they mean was decided in verdict.mjs.

/** Rows { found, entries, verdict } as lines of text. */
export function tableOf(rows, names) {
  const [ours, ...peers] = names;
  const header = [
    "case",
    `${ours} ms`,
    ...peers.map((name) => `${name} ms`),
    "ratio",
    "by CPU",
    "of ceiling",
    "bar",
    "",
  ];
  const body = rows.map(({ found, entries, verdict }) => [
    found.name,
    ...names.map((name) => time(entries.find((entry) => entry.name === name))),
    times(verdict.ratio),
    times(verdict.cpuRatio),
    verdict.share ? `${Math.round(100 * verdict.share)} %` : "",
    barText(verdict.bar),
    verdict.wrong ? "WRONG" : verdict.met === undefined ? "" : verdict.met ? "met" : "MISSED",
  ]);
  return align([header, ...body]);
}

/** One line for everything that a row's numbers do not say. */
export function remarksOf(rows) {
  return rows.flatMap(({ found, entries, verdict }) => [
    ...(verdict.wrong ? [`${found.name}: melgrad ${verdict.wrong}`] : []),
    ...fewTurns(found, entries),
    ...entries.flatMap(({ name, dropped, disagrees, tried }) => [
      ...(dropped ? [`${found.name}: ${name} ${dropped}`] : []),
      ...(disagrees ? [`${found.name}: ${name} ${disagrees}`] : []),
      ...tried
        .filter(({ status }) => status !== "right" && !status.startsWith("not tried"))
        .map(({ way, status }) => `${found.name}: ${name}, ${way}: ${status}`),
    ]),
  ]);
}

function fewTurns(found, entries) {
  const turns = Math.max(...entries.map(({ rounds }) => rounds));
  return turns > 0 && turns < 10 ? [`${found.name}: ${turns} rounds only`] : [];
}

/** Cold starts as lines of text. */
export function coldTable(results) {
  const header = [
    "process start to first step",
    "no cache, s",
    "of CPU",
    "warm cache, s",
    "of CPU",
    "bar",
    "",
  ];
  const body = results.map(({ name, off, offCpu, warm, warmCpu, bar, met }) => [
    name,
    figure(off),
    figure(offCpu),
    figure(warm),
    figure(warmCpu),
    bar ? `${bar.off} and ${bar.warm}` : "",
    met === undefined ? "" : met ? "met" : "MISSED",
  ]);
  return align([header, ...body]);
}

/** Columns in line; the first to the left, the others to the right. */
function align(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

function time(entry) {
  if (entry?.ms === undefined) return "—";
  return `${entry.rounds === 0 ? "~" : ""}${figure(entry.ms)}`;
}

function times(ratio) {
  return ratio === undefined ? "" : `${figure(ratio)}×`;
}

function barText(bar) {
  if (!bar) return "";
  return bar.share ? `${bar.ratio}× or ${100 * bar.share} %` : `${bar.ratio}×`;
}

/** Three significant digits, without an exponent. */
export function figure(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
