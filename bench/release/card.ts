// A released model's card: what card.json holds, and the page that is printed from it and config.json. Text only: nothing is read or run,
// and no number stands in the page that is not in one of the two files or worked out from them.
import { TASKS } from "../../src/data/tasks/index.js";
import { objectiveKind } from "../../src/patchifier/objectives.js";
import { handNames } from "../../src/probe/hand-features.js";
import type { RunConfig } from "../../src/train/config.js";
import { formatDuration, formatFixed, formatNumber, plural } from "../../src/train/report/html.js";

/** A part of the objective on held-out crops. */
export interface CardPart {
  title: string;
  /** Before the first step, and after the last. */
  first?: number;
  last?: number;
  /** What an answer scores that knows nothing of the crop. */
  chance?: number;
  /** A plain answer that the part should get below, in words and in value. */
  plain?: { words: string; value: number };
}

/** Scores of one task: the model's row first. */
export interface CardTask {
  task: string;
  metric: string;
  chance?: number;
  clips: number;
  /** Sets of clips that share something: what is resampled. */
  families: number;
  rows: { name: string; score: number; ci95?: [number, number]; seeds: number }[];
  /** By how much the first row is ahead of another. */
  contrasts: { against: string; difference: number; ci95: [number, number] }[];
}

export interface CardScores {
  /** probe: of these weights. study: of an arm with the same settings, trained anew with seeds of its own. */
  of: "probe" | "study";
  /** The file that they were read from, by its name. */
  file: string;
  date: string;
  melgrad: string;
  adapter: string;
  /** Clips of the tasks: how many, and which; another seed than 0, on which settings were chosen, is fresh. */
  size: string;
  taskSeed: number;
  pool?: string;
  /** Of a study: the arm, its updates, its training seeds, and settings in which it differs from the run, if any. */
  arm?: {
    name: string;
    steps: number;
    seeds: number;
    differs: string[];
    /** The model itself was probed, not one that was trained alike. */
    these?: true;
  };
  tasks: CardTask[];
}

/** Beside config.json, all that the card says in numbers. */
export interface CardFacts {
  format: 1;
  name: string;
  weights: { parameters: number; bytes: number; sha256: string };
  training: {
    /** Updates of the weights, and crops that each drew. */
    steps: number;
    batch: number;
    /** Of training steps alone, by the run's log. */
    seconds: number;
    parts: CardPart[];
    /** The run whose encoder this one began with. */
    begun?: { command: string; steps: number; batch: number; sha256: string };
  };
  scores?: CardScores;
}

const single: readonly string[] = ["log-mel mean+std", ...handNames];
/** Tasks whose clips are no recordings. */
const rendered: readonly string[] = TASKS.filter((name) => name !== "artist");
const untrained: readonly string[] = ["Krumhansl", "tempo estimate"];

/** The model card, README.md. */
export function cardText(config: RunConfig, facts: CardFacts): string {
  const { name, scores } = facts;
  return `${[
    `# ${name}`,
    `A Patchifier encoder that hears ${seconds(config)} of music at a time: ${plural(facts.weights.parameters, "parameter")}, ` +
      `${formatNumber(facts.weights.bytes / 1e6, 3)} MB in float32, pre-trained ${howTaught(config)}. It turns ${tokensText(config)}.`,
    ...(scores ? [summaryText(scores)] : ["**It has not been scored.**"]),
    "## Use",
    useText(name),
    "## Training",
    trainingText(config, facts),
    "## Music",
    musicText(config),
    "## Scores",
    scores ? scoresText(scores) : "None: it was released without.",
    "## Limits",
    limitsText(config, facts),
    "## Files",
    filesText(facts),
  ].join("\n\n")}\n`;
}

/** Whether an objective tells an encoder anything that people worked out. */
function isTowardsHandMade({ pretrain }: RunConfig): boolean {
  return "trained towards" in objectiveKind(pretrain.objective).settings(pretrain);
}

function howTaught(config: RunConfig): string {
  return isTowardsHandMade(config)
    ? "without labels, but **towards hand-made targets** (chroma and keys, the autocorrelation of onsets and tempi, mel bands and MFCCs of what it hears)"
    : "without labels";
}

function seconds({ model: { cropFrames, frontEnd } }: RunConfig): string {
  return `${formatNumber((cropFrames * frontEnd.hopLength) / frontEnd.sampleRate, 2)} s`;
}

function tokensText({ model }: RunConfig): string {
  const { patchMels, patchFrames, cropFrames, width, layers, heads, frontEnd } = model;
  const tokens = (frontEnd.nMels / patchMels) * Math.floor(cropFrames / patchFrames);
  return (
    `${tokens} patches of ${patchMels} mel bands × ${patchFrames} frames into as many vectors of ${width}, in ${plural(layers, "layer")} of ` +
    `${plural(heads, "head")}; their mean is the embedding`
  );
}

function useText(name: string): string {
  return `\`\`\`
npx melgrad embed --checkpoint ${name} song.flac
npx melgrad probe --checkpoint ${name}
npx melgrad train --init ${name} --data ~/music
\`\`\`

In JavaScript \`const { model, config } = await loadModel(gpu, "${name}")\` with \`loadModel\` and \`open\` from \`melgrad/node\`. PyTorch loads
\`model.safetensors\` by name, as [check-torch.py](../../scripts/check-torch.py) shows; it compares our embeddings with PyTorch's:

\`\`\`
node scripts/export-embeddings.mjs ${name} out.safetensors
python3 scripts/check-torch.py ${name} out.safetensors
\`\`\``;
}

function trainingText(config: RunConfig, { training }: CardFacts): string {
  const { pretrain, model, adapter } = config;
  const { hopLength, sampleRate } = model.frontEnd;
  const crops = training.steps * training.batch;
  const hours = (crops * model.cropFrames * hopLength) / sampleRate / 3600;
  const rows = training.parts.map(({ title, first, last, chance, plain }) => [
    title,
    ...[first, last, chance].map((value) => (value === undefined ? "" : formatNumber(value, 4))),
    plain ? `${plain.words} ${formatNumber(plain.value, 4)}` : "",
  ]);
  const { begun } = training;
  const before = begun
    ? ` It began with the encoder of an earlier run, ${plural(begun.steps, "step")} of ${plural(begun.batch, "crop")}, whose weights have the \
SHA-256 \`${begun.sha256}\`.`
    : "";
  const commands = begun
    ? [`${begun.command} --out runs/first`, config.command.replace(/--init[ =]\S+/, "--init runs/first")]
    : [config.command];
  return `Objective \`${pretrain.objective}\`: ${plural(training.steps, "step")} of ${plural(training.batch, "crop")}, ${plural(crops, "crop")} in all \
(${formatNumber(hours, 3)} hours heard), in ${formatDuration(training.seconds)} on ${adapter.name}, with melgrad ${config.melgrad} on \
${config.created.slice(0, 10)}; peak learning rate ${formatNumber(pretrain.lr, 3)}, seed ${config.seed}.${before}

\`\`\`
${commands.join("\n")}
\`\`\`

On held-out pieces${begun ? " (some of which the earlier run may have heard)" : ""}:

${table(["part of the loss", "before", "after", "guessing", "a plain answer"], rows)}`;
}

function musicText({ corpus, data }: RunConfig): string {
  const rows = corpus.licences.map(({ source, licence }) => [source, licence]);
  const what = data.kind === "corpus" ? `\`--data ${corpus.name}\`` : corpus.name;
  return `${what}: ${plural(corpus.pieces, "piece")}, ${plural(corpus.tracks, "track")}, ${formatNumber(corpus.hours, 3)} hours; held out: \
${plural(corpus.heldOutPieces.length, "piece")}. None of it is in this repository.

${table(["music", "licence"], rows)}`;
}

function summaryText(scores: CardScores): string {
  const random = ahead(scores, (name) => name === "random");
  const hand = ahead(scores, (name) => single.includes(name));
  const joined = ahead(scores, (name) => name === "all hand-made");
  return (
    `Ahead of random weights on ${random}, of every single kind of hand-made features on ${hand}, of all of them joined on ${joined}: ` +
    "counted where the 95 % interval of the difference leaves out zero."
  );
}

/** On how many tasks of those where such rows stand the model is ahead of each, by the difference's interval. */
function ahead({ tasks }: CardScores, isOther: (name: string) => boolean): string {
  const judged = tasks
    .map(({ contrasts }) => contrasts.filter(({ against }) => isOther(against)))
    .filter((contrasts) => contrasts.length > 0);
  const won = judged.filter((contrasts) => contrasts.every(({ ci95: [low] }) => low > 0));
  return `${won.length} of ${plural(judged.length, "task")}`;
}

function scoresText(scores: CardScores): string {
  const { of, file, date, melgrad, adapter, size, taskSeed, pool, arm, tasks } = scores;
  const whose =
    of === "study" && arm && !arm.these
      ? `Of the arm “${arm.name}” of the study (${file}): ${plural(arm.seeds, "training seed")}, ${plural(arm.steps, "step")}${arm.differs.length > 0 ? `, with ${arm.differs.join("; ")}` : ", otherwise with the settings of this model"}. They are not the scores of these very weights.`
      : `Of these weights (${file}).`;
  const fresh =
    taskSeed === 0
      ? "clips of seed 0, on which settings were chosen as well"
      : `clips of seed ${taskSeed}, on which nothing was chosen`;
  const read = pool ? `, read out by the pool \`${pool}\`` : "";
  return [
    `${whose} Frozen features under logistic or ridge regression, five folds that keep kin apart; ${fresh} (${size})${read}. ${date}, melgrad ${melgrad}, ${adapter}.`,
    ...tasks.map(taskText),
  ].join("\n\n");
}

function taskText({ task, metric, chance, clips, families, rows, contrasts }: CardTask): string {
  const range = ([low, high]: [number, number]) => `${formatFixed(low, 3)} to ${formatFixed(high, 3)}`;
  const lines = rows.map(({ name, score, ci95, seeds }, i) => {
    const found = contrasts.find(({ against }) => against === name);
    const kind = untrained.includes(name) ? ", untrained" : "";
    return [
      i === 0 ? "**this model**" : `${name}${kind}${seeds > 1 ? ` (${seeds} seeds)` : ""}`,
      i === 0 ? `**${formatFixed(score, 3)}**` : formatFixed(score, 3),
      ci95 ? range(ci95) : "",
      found ? `${formatFixed(found.difference, 3)} (${range(found.ci95)})` : "",
    ];
  });
  const guess = chance === undefined ? "" : `, guessing ${formatFixed(chance, 3)}`;
  return `**${task}** (${metric}${guess}; ${plural(clips, "clip")} in ${plural(families, "family", "families")})

${table(["features", "score", "95 %", "this model ahead by"], lines)}`;
}

function limitsText(config: RunConfig, { scores }: CardFacts): string {
  const { sampleRate } = config.model.frontEnd;
  const lines = [
    `It hears mono at ${formatNumber(sampleRate / 1000, 3)} kHz and ${seconds(config)} at a time: nothing above ${formatNumber(sampleRate / 2000, 3)} kHz, no stereo, no form of a piece.`,
    `It knows the music above and little else: speech, noise and music of other kinds were not trained on.`,
    ...(scores?.tasks.every(({ task }) => rendered.includes(task))
      ? [
          "The tasks are rendered from MIDI and accompaniment programs: what their scores mean for recordings is not known.",
        ]
      : []),
    ...(isTowardsHandMade(config)
      ? [
          "It was trained towards hand-made targets, so that a lead over chroma, tempograms or MFCCs is a lead over what it was told to find.",
        ]
      : []),
    "It is small, and made on the adapter named above. No number here is the Patchifier paper's.",
  ];
  return lines.map((line) => `- ${line}`).join("\n");
}

function filesText({ weights }: CardFacts): string {
  return `\`model.safetensors\` holds the encoder alone (float32, timm's names; SHA-256 \`${weights.sha256}\`), \`config.json\` the run's \
settings, \`card.json\` the rest of what this page says. This page is printed from the two by \`npm run release:model -- --cards\`.`;
}

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replace(/\s*\n\s*/g, " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
