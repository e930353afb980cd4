// `npm run test:profiles`: the matrix of profiles (test/profiles) on every adapter at hand, each adapter and each width of subgroups
// in a process of its own, two at a time.
//   --adapter embedded|lavapipe   only that one, by default those that are there
//   --profile NAME                only that one, for example minimum; "subgroups of 4" is lavapipe with narrower vectors
//   --part "op table"             only that; also "golden sets", "training steps", "other kernels"
//   --filter REGEXP               only rows of the op table whose name matches
//   --seed N                      repeats a run
//   --json FILE                   totals as vitest's JSON reporter writes them
//   --results                     keeps what came out in test/profiles/results.json and in the table of docs/browsers.md
// Exits with 1 where anything failed.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { withMarked } from "./marked.mjs";

export const begin = "<!-- profiles: made by npm run test:profiles -- --results -->";
export const end = "<!-- profiles end -->";
const root = join(fileURLToPath(import.meta.url), "..", "..");
const parts = ["op table", "golden sets", "training steps", "other kernels"];
const resultsFile = join(root, "test/profiles/results.json");
const pageFile = join(root, "docs", "browsers.md");

/** Processes by adapter: which profiles share one, and the width of lavapipe's vectors in bits. Each profile is somewhere. */
const jobs = {
  embedded: [
    { profiles: ["minimum", "software minimum", "range 4–32"] },
    { profiles: ["lanes 32", "lanes 64", "dirty"] },
  ],
  lavapipe: [
    { profiles: ["full", "range 4–128"] },
    { profiles: ["permuted"] },
    { profiles: ["full"], width: 128 },
    { profiles: ["full"], width: 512 },
  ],
};

/** Why nobody here can run a variant; what is not in this list could be run and was not. */
const impossible = [
  [/^matmul\/subgroup_matrix\b/, "products of matrices by subgroups, which no adapter here offers"],
  [
    /^matmul\/sum_slices: (SUMS|TRANSPOSE_A|TRANSPOSE_B|ACCUMULATE)$/,
    "branches of a shared text that this kernel never asks for",
  ],
];

/** The environment in which Dawn finds an adapter; undefined where it is not there. */
function environmentOf(adapter, width) {
  if (adapter === "embedded") return { MELGRAD_ADAPTER: "embedded" };
  const manifest = [
    process.env.VK_ICD_FILENAMES,
    process.env.VK_DRIVER_FILES,
    "/usr/share/vulkan/icd.d/lvp_icd.json",
    "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json",
  ].find((path) => path?.includes("lvp") && existsSync(path));
  if (!manifest) return undefined;
  const bits = width ? { LP_NATIVE_VECTOR_WIDTH: String(width) } : {};
  return { MELGRAD_ADAPTER: "llvmpipe", VK_ICD_FILENAMES: manifest, VK_DRIVER_FILES: manifest, ...bits };
}

async function bundle() {
  const { build } = await import("esbuild");
  const { esbuildShaders } = await import("./shaders.mjs");
  // Inside node_modules, so that it finds its packages.
  const outfile = join(root, "node_modules/.cache/melgrad-profiles/main.js");
  mkdirSync(join(outfile, ".."), { recursive: true });
  await build({
    entryPoints: [join(root, "test/profiles/main.ts")],
    ...{ outfile, bundle: true, format: "esm", platform: "node", target: "node20", packages: "external" },
    ...{ plugins: [esbuildShaders], logLevel: "error", sourcemap: true },
  });
  return outfile;
}

function start(entry, args, environment) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ["--enable-source-maps", entry, ...args], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("error", fail);
    child.on("close", (code, signal) => done(signal ?? code));
  });
}

/** The job with those of its profiles that are asked for by name; none: all of them. */
function chosenOf(job, wanted) {
  if (!wanted) return [job];
  const profiles = job.profiles.filter((name) =>
    wanted.includes(job.width ? `subgroups of ${job.width / 32}` : name),
  );
  return profiles.length > 0 ? [{ ...job, profiles }] : [];
}

/** The column of the table that a process fills. */
export function columnOf(adapter, width) {
  return width ? `${adapter}, subgroups of ${width / 32}` : adapter;
}

/** The text between the markers, for these results. Pure. */
export function profilesText({ date, columns, variants }) {
  const names = Object.keys(columns).sort();
  if (names.length === 0) return "Nothing has been recorded yet.";
  const abouts = new Map();
  for (const name of names) {
    for (const [profile, { about }] of Object.entries(columns[name].profiles)) abouts.set(profile, about);
  }
  const rows = [...abouts].map(([profile, about]) => [
    `${profile}: ${about}`,
    ...names.map((name) => {
      const found = columns[name].profiles[profile];
      if (!found) return "";
      const counts = parts.map((part) => found[part] ?? { passed: 0, failed: 0 });
      const failed = counts.reduce((sum, count) => sum + count.failed, 0);
      return `${counts.map(({ passed }) => passed).join(" + ")} passed, ${failed} failed`;
    }),
  ]);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const header = ["profile", ...names];
  const lines = [line(header), line(header.map(() => "---")), ...rows.map(line)];
  const ran = new Set(
    names.flatMap((name) =>
      Object.values(columns[name].profiles).flatMap(({ ran: bits }) => namesOf(variants, bits)),
    ),
  );
  const missing = variants.filter((variant) => !ran.has(variant));
  const reasonOf = (variant) => impossible.find(([pattern]) => pattern.test(variant))?.[1];
  const notHere = impossible.flatMap(([, reason]) => {
    const those = missing.filter((variant) => reasonOf(variant) === reason);
    return those.length > 0 ? [`Impossible here (${reason}):\n\n${missingText(those)}`] : [];
  });
  const unrun = missing.filter((variant) => reasonOf(variant) === undefined);
  if (unrun.length > 0)
    notHere.push(`Not run by what is in the matrix, though they could be:\n\n${missingText(unrun)}`);
  const rest =
    missing.length > 0
      ? `\n\n<details><summary>No profile runs these ${missing.length}, ${missing.length - unrun.length} of which cannot be run here</summary>\n\n${notHere.join("\n\n")}\n\n</details>`
      : "";
  const open = Object.entries(jobs).flatMap(([adapter, each]) =>
    each.flatMap(({ profiles, width }) => {
      const column = columnOf(adapter, width);
      return profiles
        .filter((profile) => !columns[column]?.profiles[profile])
        .map((profile) => `${profile} (${column})`);
    }),
  );
  return [
    lines.join("\n"),
    ...(open.length > 0 ? [`Not run whole yet: ${open.join(", ")}.`] : []),
    `What passed: rows of the op table (forward and gradient) + cases of the reference sets + three training steps with the ordinary weights + kernels launched outside of operations, against float64; ${date.slice(0, 10)}. ${names.map((name) => `${name}: ${columns[name].adapter}`).join("; ")}.`,
    `Of ${variants.length} variants of the kernels (branches of \`#if\`, numbers of lanes and the like) ${ran.size} ran in some profile.${rest}`,
  ].join("\n\n");
}

/** Missing variants, one line a shader. */
function missingText(missing) {
  const byShader = new Map();
  for (const variant of missing) {
    const [, shader, rest] = /^([^: ]+):? ?(.*)$/.exec(variant);
    byShader.set(shader, [...(byShader.get(shader) ?? []), rest]);
  }
  return [...byShader]
    .map(([shader, rests]) =>
      rests.includes("")
        ? `- \`${shader}\``
        : `- \`${shader}\`: ${rests.map((rest) => `\`${rest.replaceAll("|", "\\|")}\``).join(", ")}`,
    )
    .join("\n");
}

/** The page with what stands between the markers replaced. Throws where a marker is missing. Pure. */
export function withProfiles(page, text) {
  return withMarked("docs/browsers.md", page, { begin, end }, text);
}

export function readResults() {
  return JSON.parse(readFileSync(resultsFile, "utf8"));
}

async function main() {
  const { values: options } = parseArgs({
    options: {
      adapter: { type: "string", multiple: true, default: ["embedded", "lavapipe"] },
      profile: { type: "string", multiple: true },
      part: { type: "string", multiple: true, default: [...parts] },
      filter: { type: "string" },
      seed: { type: "string" },
      json: { type: "string" },
      results: { type: "boolean", default: false },
    },
  });
  const seed = options.seed ?? String(Math.floor(Math.random() * 2 ** 31));
  const folder = mkdtempSync(join(tmpdir(), "melgrad-profiles-"));
  const entry = await bundle();
  const reports = [];
  try {
    const weights = join(folder, "weights.safetensors");
    const common = ["--root", root, "--seed", seed, "--weights", weights];
    const chosen = options.part.flatMap((part) => ["--part", part]);
    const queue = options.adapter.flatMap((adapter) => {
      if (!jobs[adapter]) throw new Error(`No adapter "${adapter}": write embedded or lavapipe.`);
      const environment = environmentOf(adapter);
      if (!environment) console.error(`${adapter} is not here: its profiles are left out`);
      return environment
        ? jobs[adapter].flatMap((job) => chosenOf({ adapter, ...job }, options.profile))
        : [];
    });
    if (queue.length === 0) throw new Error("There is no adapter to run on.");
    // The ordinary weights first: all others are compared with them.
    if (options.part.includes("training steps")) {
      await start(entry, [...common, "--part", "training steps"], environmentOf(queue[0].adapter));
    }
    const work = async () => {
      for (let job = queue.shift(); job; job = queue.shift()) {
        const { adapter, profiles, width } = job;
        const file = join(folder, `${reports.length}-${Math.random()}.json`);
        const filter = options.filter === undefined ? [] : ["--filter", options.filter];
        const args = [...common, ...chosen, ...filter, "--profiles", profiles.join(), "--json", file];
        const code = await start(entry, args, environmentOf(adapter, width));
        const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
        reports.push({ adapter, width, profiles, code, report });
      }
    };
    await Promise.all([work(), work()]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [passed, failed] = totals(reports);
  if (options.json) {
    const counts = { numPassedTests: passed, numFailedTests: failed, numTotalTests: passed + failed };
    writeFileSync(options.json, JSON.stringify({ ...counts, testResults: failures(reports) }));
  }
  if (options.results) {
    const results = mergeResults(existsSync(resultsFile) ? readResults() : undefined, reports);
    writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`);
    writeFileSync(pageFile, withProfiles(readFileSync(pageFile, "utf8"), profilesText(results)));
  }
  console.log(`profiles: ${passed} passed, ${failed} failed (seed ${seed})`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

/** What failed, as vitest's JSON reporter tells it. */
function failures(reports) {
  return reports.map(({ adapter, width, profiles, report }) => {
    const named = (profile, part, message) => ({
      ...{ status: "failed", fullName: `${columnOf(adapter, width)} ${profile} ${part}` },
      failureMessages: [message],
    });
    const wrong = report
      ? report.profiles.flatMap(({ name, parts: tallies }) =>
          Object.entries(tallies).flatMap(([part, { problems }]) =>
            problems.map((problem) => named(name, part, problem)),
          ),
        )
      : profiles.map((profile) => named(profile, "", "its process ended without a report"));
    const status = wrong.length > 0 ? "failed" : "passed";
    return { name: join(root, "test/profiles/main.ts"), status, message: "", assertionResults: wrong };
  });
}

/** Cases; a process that left no report counts as one failure for each of its profiles. */
function totals(reports) {
  let [passed, failed] = [0, 0];
  for (const { report, profiles } of reports) {
    if (!report) failed += profiles.length;
    for (const { parts } of report?.profiles ?? []) {
      for (const tally of Object.values(parts)) {
        passed += tally.passed;
        failed += tally.failed;
      }
    }
  }
  return [passed, failed];
}

/** The results with these reports put in, beside what other processes left. Pure. */
export function mergeResults(before, reports) {
  const { columns: kept = {}, variants: known = [] } = before ?? {};
  const variants = reports.find(({ report }) => report)?.report.variants ?? known;
  const columns = {};
  for (const [column, { adapter, profiles }] of Object.entries(kept)) {
    const own = Object.entries(profiles).map(([name, { ran, ...rest }]) => {
      return [name, { ...rest, ran: bitsOf(variants, new Set(namesOf(known, ran))) }];
    });
    columns[column] = { adapter, profiles: Object.fromEntries(own) };
  }
  for (const { adapter, width, report } of reports) {
    for (const { name, about, adapter: title, parts: tallies, weights, ran } of report?.profiles ?? []) {
      const column = columnOf(adapter, width);
      columns[column] ??= { adapter: title, profiles: {} };
      const counts = Object.entries(tallies).map(([part, { passed, failed }]) => [part, { passed, failed }]);
      // Parts that did not run this time keep what they had.
      const own = counts.length < parts.length ? columns[column].profiles[name] : undefined;
      const bits = bitsOf(variants, new Set([...ran, ...namesOf(variants, own?.ran ?? "")]));
      const difference = weights ?? own?.weights;
      columns[column].profiles[name] = {
        ...{ ...own, about },
        ...Object.fromEntries(counts),
        ...{ weights: difference, ran: bits },
      };
    }
  }
  return { date: new Date().toISOString(), columns, variants };
}

/** Which of `all` are in `some`, four to a hexadecimal digit. */
function bitsOf(all, some) {
  let text = "";
  for (let i = 0; i < all.length; i += 4) {
    const four = all.slice(i, i + 4).map((name, bit) => (some.has(name) ? 1 << bit : 0));
    text += four.reduce((sum, each) => sum + each, 0).toString(16);
  }
  return text;
}

function namesOf(all, bits) {
  return all.filter((_, i) => (Number.parseInt(bits[i >> 2] ?? "0", 16) >> (i & 3)) & 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
