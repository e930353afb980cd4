// The study's picture and its tables: probe score against step, a panel a task, and at the end who beats whom. From the results file
// alone; nothing is run.
import * as Plot from "@observablehq/plot";
import { holm } from "../../src/probe/significance.js";
import { drawPlot, formatFixed } from "../../src/train/report/html.js";
import { armsOf, lastStep, meanOf, type StudyResults, scoresAt } from "./results.js";

/** Colours that are told apart by people who do not see all of them; arms beyond their number are dashed. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#595959"];

interface Point {
  task: string;
  arm: string;
  step: number;
  score: number;
}

/** A standalone SVG: a panel a task, a line an arm; thin rules are the hand-made features. */
export function drawStudy(results: StudyResults): string {
  const tasks = Object.keys(results.tasks);
  const arms = armsOf(results);
  const points: Point[] = [];
  for (const task of tasks) {
    for (const arm of arms) {
      for (const step of results.plan.steps) {
        const scores = scoresAt(results, arm, step, task);
        if (scores) points.push({ task, arm, step, score: meanOf(scores) });
      }
    }
  }
  const panelWidth = 290;
  const last = Math.max(...results.plan.steps);
  const panels = tasks.map((task, i) => {
    const own = points.filter((point) => point.task === task);
    const { metric, baselines } = results.tasks[task];
    const rules = baselines.map(({ name, score }) => ({ name, score }));
    const svg = drawPlot(`${task}: ${metric} against step`, {
      width: panelWidth,
      height: 230,
      marginLeft: 40,
      marginRight: 12,
      marginTop: 28,
      marginBottom: 34,
      x: { domain: [0, last], label: "step", labelArrow: "none", ticks: results.plan.steps, tickSize: 0 },
      y: { label: null, nice: true, ticks: 5, tickSize: 0 },
      marks: [
        Plot.gridY({ stroke: "#e3e3e3", strokeOpacity: 1, ticks: 5 }),
        Plot.ruleY(rules, { y: "score", stroke: "#999999", strokeDasharray: "2,3" }),
        Plot.text(rules, {
          y: "score",
          text: "name",
          frameAnchor: "right",
          textAnchor: "end",
          dy: -5,
          fontSize: 9,
          fill: "#777777",
        }),
        Plot.line(own, {
          x: "step",
          y: "score",
          z: "arm",
          stroke: (point: Point) => colourOf(arms, point.arm),
          strokeWidth: 1.75,
        }),
        Plot.dot(own, {
          x: "step",
          y: "score",
          fill: (point: Point) => colourOf(arms, point.arm),
          symbol: (point: Point) => (arms.indexOf(point.arm) < colours.length ? "circle" : "diamond"),
          r: 3,
        }),
        Plot.text([`${task} (${metric})`], {
          frameAnchor: "top-left",
          dy: -22,
          fontSize: 12,
          fill: "#222222",
        }),
      ],
    });
    const [x, y] = [(i % 3) * panelWidth, Math.floor(i / 3) * 236];
    return `<g transform="translate(${x} ${y})" fill="#444444" font-family="system-ui, sans-serif">${svg}</g>`;
  });
  const top = Math.ceil(tasks.length / 3) * 236 + 8;
  const columns = 3;
  const legend = arms.map((arm, i) => {
    const x = 16 + (i % columns) * panelWidth;
    const y = top + 14 + Math.floor(i / columns) * 18;
    const mark =
      i < colours.length
        ? `<circle cx="${x}" cy="${y - 4}" r="4" fill="${colourOf(arms, arm)}"/>`
        : `<rect x="${x - 3.5}" y="${y - 7.5}" width="7" height="7" transform="rotate(45 ${x} ${y - 4})" fill="${colourOf(arms, arm)}"/>`;
    return `${mark}<text x="${x + 10}" y="${y}" fill="#222222" font-family="system-ui, sans-serif" font-size="12">${arm}</text>`;
  });
  const width = Math.min(3, tasks.length) * panelWidth;
  const height = top + 18 * Math.ceil(arms.length / columns) + 12;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>${panels.join("")}${legend.join("")}</svg>\n`
  );
}

function colourOf(arms: readonly string[], arm: string): string {
  return colours[arms.indexOf(arm) % colours.length];
}

/** How an arm stands on a task at its last step. */
export interface Standing {
  arm: string;
  task: string;
  score: number;
  random: number;
  /** Ahead of random weights and of all baselines. */
  ahead: boolean;
  /** …each time by an interval that leaves out zero; against random weights by Holm's p over the tasks, too. */
  clearly: boolean;
  /** The difference from random weights that would be seen in four of five such measurements. */
  detectable: number;
}

export function standings(results: StudyResults): Standing[] {
  return armsOf(results).flatMap((arm) => {
    const tasks = Object.entries(results.arms[arm]?.standings ?? {});
    const against = tasks.map(([, { contrasts }]) =>
      contrasts.find(({ against: name }) => name === "random"),
    );
    const adjusted = holm(against.map((contrast) => contrast?.p ?? Number.NaN));
    return tasks.flatMap(([task, { rows, contrasts }], i): Standing[] => {
      const random = against[i];
      if (!random) return [];
      return [
        {
          arm,
          task,
          score: rows[0].score,
          random: rows[0].score - random.difference,
          ahead: contrasts.every(({ difference }) => difference > 0),
          clearly: adjusted[i] < 0.05 && contrasts.every(({ ci95: [low] }) => low > 0),
          detectable: random.detectable,
        },
      ];
    });
  });
}

/** Markdown: the score of each arm at its last step, by task, with that of random weights; before them baselines and ceilings. */
export function tableOf(results: StudyResults): string {
  const tasks = Object.entries(results.tasks);
  const all = standings(results);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const lines = [
    line(["arm", "asks", "steps", ...tasks.map(([name]) => name), "ahead of all"]),
    line(["---", "---", "--:", ...tasks.map(() => "--:"), "--:"]),
    line([
      "*clips (families)*",
      "",
      "",
      ...tasks.map(([, { clips, families }]) => `${clips} (${families})`),
      "",
    ]),
  ];
  const names = [...new Set(tasks.flatMap(([, { baselines }]) => baselines.map(({ name }) => name)))];
  for (const name of names) {
    const cells = tasks.map(([, { baselines }]) => {
      const row = baselines.find((each) => each.name === name);
      return row ? formatFixed(row.score, 3) : "";
    });
    lines.push(line([`*${name}*`, "", "", ...cells, ""]));
  }
  if (tasks.some(([, { ceiling }]) => ceiling)) {
    const cells = tasks.map(([, { ceiling }]) => {
      if (!ceiling) return "";
      const [labelled, ...others] = ceiling.rows;
      const best = others.reduce((a, b) => (b.score > a.score ? b : a));
      return `${formatFixed(labelled.score, 3)} (${best.name} ${formatFixed(best.score, 3)})`;
    });
    lines.push(line(["*trained with labels (best baseline on the same clips)*", "", "", ...cells, ""]));
  }
  for (const arm of armsOf(results)) {
    const own = all.filter((standing) => standing.arm === arm);
    const cells = tasks.map(([task]) => {
      const standing = own.find((each) => each.task === task);
      if (!standing) return "";
      const { score, random, ahead, clearly } = standing;
      const text = `${formatFixed(score, 3)} (${formatFixed(random, 3)})`;
      return clearly ? `**${text}** ✓` : ahead ? `**${text}**` : text;
    });
    const won = own.filter(({ ahead }) => ahead).length;
    const asks = results.arms[arm]?.asks ?? "";
    lines.push(line([arm, asks, String(lastStep(results, arm)), ...cells, `${won} of ${own.length}`]));
  }
  if (all.length > 0) {
    const cells = tasks.map(([task]) => {
      const own = all.filter((standing) => standing.task === task).map(({ detectable }) => detectable);
      return own.length > 0 ? formatFixed(meanOf(own), 3) : "";
    });
    lines.push(line(["*seen in four of five studies from a difference of*", "", "", ...cells, ""]));
  }
  return lines.join("\n");
}
