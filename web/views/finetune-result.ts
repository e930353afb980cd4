// What a fine-tune gave, drawn: held-out accuracy with its interval beside guessing, and the confusion as a table.
import { h, svg } from "../dom.js";
import type { FineTuneResult } from "../protocol.js";

const percent = (share: number) => `${Math.round(100 * share)} %`;

export function showResult(result: FineTuneResult): HTMLElement {
  const { accuracy, interval, trainWindows, heldOutWindows, seconds, split } = result;
  const took = `Trained on ${windows(trainWindows)} in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s.`;
  if (accuracy === undefined) {
    return h(
      "div",
      { class: "finetune-result" },
      h("p", { class: "finetune-score" }, h("strong", {}, "not measured"), " held-out accuracy"),
      h("p", {}, `${took} ${split} Give every class a second clip and train again, to see how good it is.`),
    );
  }
  return h(
    "div",
    { class: "finetune-result" },
    h("p", { class: "finetune-score" }, h("strong", {}, percent(accuracy)), " of the held-out windows right"),
    ruler(result),
    h(
      "p",
      { class: "hint" },
      `${interval ? `95 % interval ${percent(interval[0])} to ${percent(interval[1])}. ` : ""}${took} Held out: ${windows(heldOutWindows)}. ${split}`,
    ),
    confusionTable(result),
  );
}

/** Share that naming the commonest held-out class alone would get. */
function guessing({ confusion }: FineTuneResult): number {
  const rows = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = rows.reduce((sum, count) => sum + count, 0);
  return total > 0 ? Math.max(...rows) / total : 0;
}

/** 0 to 100 %: the interval as a bar, the accuracy as a dot, guessing as a mark. */
function ruler(result: FineTuneResult): HTMLElement {
  const accuracy = result.accuracy ?? 0;
  const guess = guessing(result);
  const x = (share: number) => 10 + 300 * share;
  const parts: SVGElement[] = [
    svg("line", { class: "scale", x1: x(0), x2: x(1), y1: 22, y2: 22 }),
    ...[0, 0.25, 0.5, 0.75, 1].map((tick) =>
      svg(
        "text",
        { x: x(tick), y: 42, "text-anchor": tick === 0 ? "start" : tick === 1 ? "end" : "middle" },
        percent(tick),
      ),
    ),
    svg("line", { class: "guess", x1: x(guess), x2: x(guess), y1: 10, y2: 30 }),
  ];
  if (result.interval) {
    const [low, high] = result.interval;
    parts.push(svg("line", { class: "interval", x1: x(low), x2: x(high), y1: 22, y2: 22 }));
  }
  parts.push(svg("circle", { class: "dot", cx: x(accuracy), cy: 22, r: 6 }));
  const picture = svg("svg", { viewBox: "0 0 320 48", role: "img", class: "finetune-ruler" }, ...parts);
  picture.setAttribute(
    "aria-label",
    `Accuracy ${percent(accuracy)}; always naming the commonest class gets ${percent(guess)}`,
  );
  return h(
    "figure",
    {},
    picture as unknown as Node as HTMLElement,
    h("figcaption", {}, `The thin mark: always naming the commonest class, ${percent(guess)}.`),
  );
}

function confusionTable({ classes, confusion }: FineTuneResult): HTMLElement {
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "is ↓ heard as →"),
    ...classes.map((name) => h("th", { scope: "col" }, name)),
  );
  const rows = confusion.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, j) => {
      const share = total > 0 ? count / total : 0;
      const cell = h("td", { class: i === j ? "right" : "wrong" }, String(count));
      cell.style.setProperty("--share", share.toFixed(3));
      if (count > 0) cell.title = `${percent(share)} of ${classes[i]} heard as ${classes[j]}`;
      if (share > 0.55) cell.classList.add("strong");
      return cell;
    });
    return h("tr", {}, h("th", { scope: "row" }, classes[i]), ...cells);
  });
  return h(
    "div",
    {
      class: "finetune-confusion",
      tabindex: 0,
      role: "region",
      "aria-label": "Confusion of the held-out windows",
    },
    h(
      "table",
      {},
      h("caption", {}, "Held-out windows: what they are, and what the probe takes them for"),
      h("thead", {}, head),
      h("tbody", {}, ...rows),
    ),
  );
}

function windows(count: number): string {
  return `${count} ${count === 1 ? "window" : "windows"}`;
}
