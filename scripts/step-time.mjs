// A model of step time against processes: node scripts/step-time.mjs [--name value …]. Compute is divided, staging and the all-reduce
// (a ring over the slowest link) are added; nothing overlaps but the drawing of the next batch. It prints a table for 1, 10 and 100 Gbit/s.
//   --parameters N   trained scalars; 4 bytes each travel (--gradient-bytes 2: as float16)
//   --clip-ms X      milliseconds of one clip, forward and back, on one process; --fixed-ms X: what a step takes besides
//   --batch N        clips of a whole batch; --accumulate K: micro-batches a process
//   --stage-gbs X    gigabytes a second from device to host and back; --latency-us X: of a message; --every N: steps a synchronisation
//   --shared 1: all processes share the cores of one machine, so that compute is not divided and each one's fixed part adds up
//   --steps N, --price X (an hour of one GPU): for hours and cost
const given = Object.fromEntries(
  process.argv
    .slice(2)
    .flatMap((word, i, all) => (word.startsWith("--") ? [[word.slice(2), Number(all[i + 1])]] : [])),
);
const unknown = Object.entries(given).find(([name, value]) => !(name in defaults()) || !(value > 0));
if (unknown) {
  console.error(
    `--${unknown[0]} is none of ${Object.keys(defaults())
      .map((name) => `--${name}`)
      .join(", ")} with a number above 0.`,
  );
  process.exit(2);
}
const of = { ...defaults(), ...given };

/** `demo` on two cores in software. */
function defaults() {
  return {
    ...{ parameters: 550_000, "gradient-bytes": 4, "clip-ms": 30, "fixed-ms": 5, batch: 16, accumulate: 1 },
    ...{ "stage-gbs": 1.5, "latency-us": 50, every: 1, steps: 400, price: 2 },
    shared: 0,
  };
}

/** Milliseconds of a step of N processes over a link of so many bits a second, by part. */
function stepOf(processes, bits) {
  const bytes = of.parameters * of["gradient-bytes"];
  const part = of.shared ? processes : 1;
  const compute = part * ((of.batch / processes) * of["clip-ms"] + of.accumulate * of["fixed-ms"]);
  if (processes === 1) return { compute, staging: 0, reduce: 0, total: compute };
  const hops = 2 * (processes - 1);
  const staging = (2e3 * of.parameters * 4) / (of["stage-gbs"] * 1e9) / of.every;
  const reduce = ((1e3 * (hops / processes) * bytes * 8) / bits + (hops * of["latency-us"]) / 1e3) / of.every;
  return { compute, staging, reduce, total: compute + staging + reduce };
}

const show = (x) => (x < 10 ? x.toFixed(2) : x.toFixed(0));
console.log(
  `${of.parameters} parameters, batch ${of.batch}, ${of["clip-ms"]} ms a clip; milliseconds of a step`,
);
console.log("processes  Gbit/s   compute  staging  all-reduce    step   faster  efficiency   hours    cost");
for (const processes of [1, 2, 4, 8, 16, 32]) {
  if (of.batch % (processes * of.accumulate) !== 0) continue;
  for (const gigabits of processes === 1 ? [0] : [1, 10, 100]) {
    const { compute, staging, reduce, total } = stepOf(processes, gigabits * 1e9);
    const faster = stepOf(1, 1).total / total;
    const hours = (of.steps * total) / 3.6e6;
    const cells = [compute, staging, reduce, total].map((x, i) => show(x).padStart([9, 9, 12, 8][i]));
    const ends = [show(faster).padStart(9), `${((100 * faster) / processes).toFixed(0)} %`.padStart(12)];
    const sums = [hours.toFixed(2).padStart(8), (hours * processes * of.price).toFixed(2).padStart(8)];
    console.log(
      [String(processes).padStart(9), String(gigabits || "").padStart(8), ...cells, ...ends, ...sums].join(
        "",
      ),
    );
  }
}
