// The clips and their classes as a table: few classes are buttons in each row, more a list to choose from.
import type { VNode } from "preact";
import type { App } from "../app.js";
import { clock, fail } from "../dom.js";
import { PlaceButton } from "../map/nearest-list.js";
import type { ClipInfo } from "../protocol.js";

/** Up to so many classes are buttons in each row. */
const MOST_BUTTONS = 6;

interface Props {
  app: App;
  classes: readonly string[];
  /** A class that was given to a clip stays when it is taken away again. */
  keep: (name: string) => void;
}

export function ClassTable(props: Props): VNode {
  const { app } = props;
  const clips = app.clips.value;
  const label = "Clips and their classes";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="finetune-scroll" tabIndex={0} aria-label={label}>
      <table class="finetune-table" hidden={clips.length === 0}>
        <caption class="sr-only">{label}</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="sr-only">Play</span>
            </th>
            <th scope="col">Clip</th>
            <th scope="col">Class</th>
          </tr>
        </thead>
        <tbody>
          {clips.map((clip) => (
            <tr key={clip.id} class={app.selected.value?.clip === clip.id ? "selected" : ""}>
              <td>
                <PlaceButton app={app} place={{ clip: clip.id, from: 0, to: clip.seconds }} />
              </td>
              <th scope="row">
                <span>{clip.name}</span>
                <small>{clock(clip.seconds)}</small>
              </th>
              <td>
                <ClassChoice {...props} clip={clip} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ClassChoice({ app, classes, keep, clip }: Props & { clip: ClipInfo }): VNode {
  const give = async (label: string | undefined) => {
    await app.engine.call("label", clip.id, label);
    if (label) keep(label);
    app.clips.value = app.clips.peek().map((each) => (each.id === clip.id ? { ...each, label } : each));
  };
  const choose = (label: string | undefined) => void give(label).catch(fail(app));
  if (classes.length === 0) return <span class="hint">add a class first</span>;
  if (classes.length > MOST_BUTTONS) {
    return (
      <select
        aria-label={`Class of ${clip.name}`}
        value={clip.label ?? ""}
        onChange={(event) => choose(event.currentTarget.value || undefined)}
      >
        <option value="">none</option>
        {classes.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    );
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset in a table's cell is read out with every button
    <div class="finetune-choices" role="group" aria-label={`Class of ${clip.name}`}>
      {classes.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={clip.label === name}
          onClick={() => choose(clip.label === name ? undefined : name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
