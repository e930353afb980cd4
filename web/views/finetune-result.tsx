// What a fine-tune gave: held-out accuracy with its interval beside guessing, and the confusion as a table.
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { FineTuneResult } from "../protocol.js";

const percent = (share: number) => `${Math.round(100 * share)} %`;
/** From this share on a cell is dark enough for light letters. */
const STRONG = 0.55;

export function Result({ result }: { result: FineTuneResult }): VNode {
  const { accuracy, interval, trainWindows, heldOutWindows, seconds, split } = result;
  const took = `Trained on ${windows(trainWindows)} in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s.`;
  if (accuracy === undefined) {
    return (
      <div class="finetune-result">
        <p class="finetune-score">
          <strong>not measured</strong> held-out accuracy
        </p>
        <p>{`${took} ${split} Give every class a second clip and train again, to see how good it is.`}</p>
      </div>
    );
  }
  const between = interval ? `95 % interval ${percent(interval[0])} to ${percent(interval[1])}. ` : "";
  return (
    <div class="finetune-result">
      <p class="finetune-score">
        <strong>{percent(accuracy)}</strong> of the held-out windows right
      </p>
      <Ruler accuracy={accuracy} interval={interval} guess={guessing(result)} />
      <p class="hint">{`${between}${took} Held out: ${windows(heldOutWindows)}. ${split}`}</p>
      <Confusion result={result} />
    </div>
  );
}

/** Share that naming the commonest held-out class alone would get. */
function guessing({ confusion }: FineTuneResult): number {
  const rows = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = rows.reduce((sum, count) => sum + count, 0);
  return total > 0 ? Math.max(...rows) / total : 0;
}

/** 0 to 100 %: the interval as a bar, the accuracy as a dot, guessing as a mark. */
function Ruler(props: { accuracy: number; interval: FineTuneResult["interval"]; guess: number }): VNode {
  const { accuracy, interval, guess } = props;
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    let still = true;
    import("./chart-plot.js").then(({ drawShare }) => {
      if (!still) return;
      const svg = drawShare(accuracy, interval, guess);
      svg.setAttribute("role", "img");
      svg.setAttribute(
        "aria-label",
        `Accuracy ${percent(accuracy)}; always naming the commonest class gets ${percent(guess)}`,
      );
      place.current?.replaceChildren(svg);
    }, console.error);
    return () => {
      still = false;
    };
  }, [accuracy, interval, guess]);
  return (
    <figure>
      <div ref={place} class="finetune-ruler" />
      <figcaption>{`The thin mark: always naming the commonest class, ${percent(guess)}.`}</figcaption>
    </figure>
  );
}

function Confusion({ result: { classes, confusion } }: { result: FineTuneResult }): VNode {
  return (
    <section
      class="finetune-confusion"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
      tabIndex={0}
      aria-label="Confusion of the held-out windows"
    >
      <table>
        <caption>Held-out windows: what they are, and what the probe takes them for</caption>
        <thead>
          <tr>
            <th scope="col">is ↓ heard as →</th>
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {confusion.map((row, i) => (
            <tr key={classes[i]}>
              <th scope="row">{classes[i]}</th>
              {row.map((count, j) => (
                <Cell key={classes[j]} count={count} row={row} is={classes[i]} as={classes[j]} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell(props: { count: number; row: readonly number[]; is: string; as: string }): VNode {
  const { count, row, is, as } = props;
  const total = row.reduce((sum, each) => sum + each, 0);
  const share = total > 0 ? count / total : 0;
  const right = is === as ? "right" : "wrong";
  return (
    <td
      class={share > STRONG ? `${right} strong` : right}
      style={{ "--share": share.toFixed(3) }}
      title={count > 0 ? `${percent(share)} of ${is} heard as ${as}` : undefined}
    >
      {count}
    </td>
  );
}

function windows(count: number): string {
  return `${count} ${count === 1 ? "window" : "windows"}`;
}
