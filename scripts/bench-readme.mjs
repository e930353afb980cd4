// The tables of speed in docs/benchmarks.md, made from the JSON files of bench/results. `npm run bench:readme` writes them between the two
// marker comments; a test holds the page to the files.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withMarked } from "./marked.mjs";

export const begin = "<!-- bench: made by npm run bench:readme from bench/results -->";
export const end = "<!-- bench end -->";

/** Which rows of the suites the page shows, as `name shape` begins, in this order. */
const shown = [
  ["kernels", "matmul 256×256×256"],
  ["kernels", "matmul 512×512×512"],
  ["kernels", "matmul 1024×1024×1024"],
  ["kernels", "matmul_NT 512×512×512"],
  ["kernels", "matmul_TN 512×512×512"],
  ["kernels", "matmul 197×211×193"],
  ["kernels", "attention 4×4×128×32"],
  ["kernels", "attention+grad 4×4×128×32"],
  ["kernels", "softmax 4096×512"],
  ["kernels", "layer_norm 4096×256"],
  ["kernels", "layer_norm+grad 4096×256"],
  ["kernels", "gelu 1048576"],
  ["kernels", "add 4194304"],
  ["kernels", "sum 4194304"],
  ["kernels", "adamw 1048576"],
  ["kernels", "stft_power 10 s"],
  ["mel", "logmel_hop256 16 × 10 s"],
  ["step", "train_step_demo_eager"],
  ["step", "train_step_demo_captured"],
  ["step", "train_step_small_captured"],
  ["step", "train_step_base_captured"],
];

/** Reports by file name without .json, in alphabetical order. */
export function readResults(folder) {
  let names = [];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    // No results yet.
  }
  return names
    .sort()
    .map((name) => ({ name: name.slice(0, -5), ...JSON.parse(readFileSync(join(folder, name), "utf8")) }))
    .filter(({ suites }) => suites !== undefined);
}

/** The text between the markers, for these reports. Pure. */
export function benchText(reports) {
  if (reports.length === 0)
    return "No results have been recorded yet: `npm run bench:results` records this machine's.";
  const parts = [
    speeds(reports),
    reports.map(about).join("\n"),
    growths(reports),
    peers(reports),
    torch(reports),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** The page with what stands between the markers replaced. Throws where a marker is missing. Pure. */
export function withBench(page, text) {
  return withMarked("docs/benchmarks.md", page, { begin, end }, text);
}

function speeds(reports) {
  const header = ["case", ...reports.flatMap(({ name }) => [`${name}: ms`, "speed", "of ceiling"])];
  const rows = shown.flatMap(([suite, start]) => {
    const found = reports.map(({ suites }) =>
      suites[suite]?.rows?.find(({ name, shape }) => `${name} ${shape}`.startsWith(start)),
    );
    const any = found.find((row) => row !== undefined);
    if (!any) return [];
    const title = suite === "step" ? `\`${any.name}\`, ${any.shape}` : `\`${any.name}\` ${any.shape}`;
    return [[title, ...found.flatMap(cells)]];
  });
  return rows.length === 0 ? "" : table(header, rows);
}

function cells(row) {
  if (!row) return ["", "", ""];
  const { eachMs, rate, bound, gflops, gbs, share } = row;
  const speed = rate
    ? `${figure(rate.perSecond)} ${rate.unit}/s`
    : bound === "memory" && gbs !== undefined
      ? `${figure(gbs)} GB/s`
      : gflops !== undefined
        ? `${figure(gflops)} GFLOP/s`
        : `${figure(gbs)} GB/s`;
  return [figure(eachMs), speed, `${Math.round(100 * share)} % ${bound}`];
}

function about({ name, adapter, machine, versions, date, ceilings, suites }) {
  const { gflops, copies, dispatchUs } = ceilings;
  const copied = copies.map(({ MiB, GBs }) => `${figure(GBs)} (${MiB} MiB)`).join(", ");
  const busy = Math.max(0, ...Object.values(suites).map(({ othersCores }) => othersCores?.during ?? 0));
  const partial = Object.entries(suites).filter(([, { complete }]) => !complete);
  const notes = [
    busy > 0.3 ? `other processes took up to ${figure(busy)} cores meanwhile` : "",
    partial.length > 0 ? `incomplete: ${partial.map(([suite]) => suite).join(", ")}` : "",
  ].filter((note) => note !== "");
  return (
    `- **${name}**: ${adapter.name}; ${machine.cpu}, ${machine.cores} cores; ${date.slice(0, 10)}, melgrad ${versions.melgrad}, ` +
    `webgpu ${versions.webgpu}, Node ${versions.node.replace(/^v/, "")}. Ceilings: ${figure(gflops)} GFLOP/s, copy in GB/s ${copied}, ` +
    `${figure(dispatchUs)} µs a dispatch.${notes.length > 0 ? ` Note: ${notes.join("; ")}.` : ""}`
  );
}

function growths(reports) {
  const lines = reports.flatMap(({ name, suites }) => {
    const rows = suites.growth?.growth ?? [];
    if (rows.length === 0) return [];
    const parts = [...new Set(rows.map(({ axis }) => axis))].map((axis) => {
      const points = rows.filter((row) => row.axis === axis);
      const [first, last] = [points[0], points[points.length - 1]];
      const judged = points.filter(({ within }) => within !== undefined);
      const good = judged.filter(({ within }) => within).length;
      return `${axis} ${first.value} to ${last.value}: time × ${figure(last.ms / first.ms)}, FLOPs × ${figure(last.gflop / first.gflop)}, ${good} of ${judged.length} steps on a full adapter within 15 %`;
    });
    return [`- **${name}**, growth of a training step's time: ${parts.join("; ")}.`];
  });
  return lines.join("\n");
}

function peers(reports) {
  const parts = reports.flatMap(({ name, peers }) => {
    const rows = (peers?.rows ?? []).filter(({ entries }) => entries?.length > 1);
    if (rows.length === 0) return [];
    const libraries = rows[0].entries.map((entry) => entry.name);
    const header = ["case", ...libraries.map((library) => `${library} ms`), "faster peer / melgrad"];
    const body = rows.map(({ name: title, entries, ratio, wrong }) => [
      `\`${title}\``,
      ...libraries.map((library) => {
        const ms = entries.find((entry) => entry.name === library)?.ms;
        return ms === undefined ? "" : figure(ms);
      }),
      wrong ? "wrong result" : ratio === undefined ? "" : `${figure(ratio)} ×`,
    ]);
    const { versions = {}, date = "" } = peers;
    const known = libraries.filter((library) => versions[library]).map((each) => `${each} ${versions[each]}`);
    return [
      `Beside other libraries on ${name}, taking turns in one run (${[date.slice(0, 10), ...known].filter(Boolean).join(", ")}):\n\n${table(header, body)}`,
    ];
  });
  return parts.join("\n\n");
}

/** PyTorch on the same device (bench/gpu), where a report has it. */
function torch(reports) {
  const parts = reports.flatMap(({ name, torch: found }) => {
    const rows = found?.rows ?? [];
    if (rows.length === 0) return [];
    const body = rows.map(({ case: title, precision, mode, ms, tflops }) => [
      title,
      precision,
      mode,
      figure(ms),
      tflops === undefined ? "" : figure(1000 * tflops),
    ]);
    return [
      `PyTorch ${found.versions.torch} on ${name} (${found.device}, ${found.date.slice(0, 10)}):\n\n${table(["case", "precision", "mode", "ms", "GFLOP/s"], body)}`,
    ];
  });
  return parts.join("\n\n");
}

function table(header, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

/** Three significant digits, without an exponent. */
function figure(value) {
  if (value >= 100) return value.toFixed(0);
  return value === 0 ? "0" : value.toPrecision(3);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(fileURLToPath(import.meta.url), "..", "..");
  const path = join(root, "docs", "benchmarks.md");
  const page = readFileSync(path, "utf8");
  const reports = readResults(join(root, "bench", "results"));
  const made = withBench(page, benchText(reports));
  if (made !== page) writeFileSync(path, made);
  console.log(
    `docs/benchmarks.md: ${reports.map(({ name }) => name).join(", ") || "no results"}${made === page ? " (as it was)" : ""}`,
  );
}
