// Fine-tuning in the tab: give clips a class, train a probe on the frozen features, see how good it is on windows that it has not
// seen, keep it as a file. The training is the worker's.
import type { View } from "../app.js";
import { clock, fail, h, messageOf } from "../dom.js";
import { clipOf, playButton, refreshPlayButtons } from "../map/nearest.js";
import type { ClipInfo, ExportedFile } from "../protocol.js";
import { trainedProbe } from "./finetune-probe.js";
import { showResult } from "./finetune-result.js";

/** Up to so many classes are buttons in each row; more become a list to choose from. */
const MOST_BUTTONS = 6;

export const finetune: View = (root, app) => {
  const chips = h("ul", { class: "finetune-classes", "aria-label": "Classes" });
  const name = h("input", {
    type: "text",
    placeholder: "a class, such as piano",
    "aria-label": "Name of a class",
    autocomplete: "off",
    maxlength: 40,
  });
  const add = h("form", { class: "finetune-add" }, name, h("button", {}, "Add class"));
  const rows = h("tbody", {});
  const table = h(
    "table",
    { class: "finetune-table" },
    h("caption", { class: "sr-only" }, "Clips and their classes"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, h("span", { class: "sr-only" }, "Play")),
        h("th", { scope: "col" }, "Clip"),
        h("th", { scope: "col" }, "Class"),
      ),
    ),
    rows,
  );
  const none = h("p", { class: "empty" }, "Add clips to the library, then give each a class here.");
  const state = h("p", { class: "finetune-state", "aria-live": "polite" });
  const train = h("button", { type: "button", class: "primary" }, "Train probe");
  const save = h("button", { type: "button", disabled: true }, "Export probe");
  const result = h("div", { class: "finetune-results" });
  root.classList.add("finetune-view");
  root.append(
    h("div", { class: "finetune-bar" }, chips, add),
    none,
    h(
      "div",
      { class: "finetune-scroll", tabindex: 0, role: "region", "aria-label": "Clips and their classes" },
      table,
    ),
    h("div", { class: "row" }, train, save),
    state,
    result,
  );

  /** Classes that have been named here but have no clip yet. */
  const named = new Set<string>();
  let busy = false;

  function classes(): string[] {
    const used = app.clips
      .get()
      .map((clip) => clip.label)
      .filter((label): label is string => !!label);
    return [...new Set([...used, ...named])].sort((a, b) => a.localeCompare(b));
  }

  async function label(clip: ClipInfo, value: string | undefined): Promise<void> {
    try {
      await app.engine.call("label", clip.id, value);
      if (value) named.add(value);
      app.clips.set(app.clips.get().map((each) => (each.id === clip.id ? { ...each, label: value } : each)));
    } catch (error) {
      fail(app)(error);
    }
  }

  function drawChips(): void {
    const clips = app.clips.get();
    chips.replaceChildren(
      ...classes().map((each) => {
        const count = clips.filter((clip) => clip.label === each).length;
        const item = h(
          "li",
          {},
          h("span", {}, each),
          h("small", {}, `${count} ${count === 1 ? "clip" : "clips"}`),
        );
        if (count === 0) {
          const remove = h("button", { type: "button", "aria-label": `Remove class ${each}` }, "×");
          remove.addEventListener("click", () => {
            named.delete(each);
            draw();
          });
          item.append(remove);
        }
        return item;
      }),
    );
  }

  function classControl(clip: ClipInfo, all: readonly string[]): HTMLElement {
    if (all.length > MOST_BUTTONS) {
      const select = h(
        "select",
        { "aria-label": `Class of ${clip.name}`, "data-key": clip.id },
        h("option", { value: "" }, "none"),
        ...all.map((each) => h("option", { value: each }, each)),
      );
      select.value = clip.label ?? "";
      select.addEventListener("change", () => void label(clip, select.value || undefined));
      return select;
    }
    const buttons = all.map((each) => {
      const on = clip.label === each;
      const button = h(
        "button",
        { type: "button", "aria-pressed": String(on), "data-key": `${clip.id}\n${each}` },
        each,
      );
      button.addEventListener("click", () => void label(clip, on ? undefined : each));
      return button;
    });
    if (buttons.length === 0) return h("span", { class: "hint" }, "add a class first");
    return h(
      "div",
      { class: "finetune-choices", role: "group", "aria-label": `Class of ${clip.name}` },
      ...buttons,
    );
  }

  function draw(): void {
    const clips = app.clips.get();
    const all = classes();
    const focused = (document.activeElement as HTMLElement | null)?.dataset?.key;
    none.hidden = clips.length > 0;
    table.hidden = clips.length === 0;
    rows.replaceChildren(
      ...clips.map((clip) =>
        h(
          "tr",
          {},
          h("td", {}, playButton(app, { clip: clip.id, from: 0, to: clip.seconds })),
          h("th", { scope: "row" }, h("span", {}, clip.name), h("small", {}, clock(clip.seconds))),
          h("td", {}, classControl(clip, all)),
        ),
      ),
    );
    if (focused !== undefined) {
      [...rows.querySelectorAll<HTMLElement>("[data-key]")]
        .find((each) => each.dataset.key === focused)
        ?.focus();
    }
    drawChips();
    describe();
  }

  /** What stands between the labels and a training, or what to know about it. */
  function describe(): void {
    const clips = app.clips.get();
    const counts = new Map<string, number>();
    for (const clip of clips) if (clip.label) counts.set(clip.label, (counts.get(clip.label) ?? 0) + 1);
    const ready = counts.size >= 2 && !!app.adapter.get();
    train.disabled = busy || !ready;
    state.classList.toggle("warning", false);
    if (busy) state.textContent = "Training the probe…";
    else if (clips.length === 0) state.textContent = "";
    else if (!app.adapter.get()) state.textContent = "Waiting for the GPU.";
    else if (counts.size === 0)
      state.textContent = "A probe needs two classes: add them above, then give clips to each.";
    else if (counts.size === 1) {
      state.textContent = `A probe needs two classes, and only ${[...counts.keys()][0]} has clips: give another class a clip.`;
    } else {
      const single = [...counts].filter(([, count]) => count === 1).map(([each]) => each);
      state.classList.toggle("warning", single.length > 0);
      state.textContent =
        single.length > 0
          ? `${listed(single.sort())} ${single.length === 1 ? "has" : "have"} one clip only: ${single.length === 1 ? "its" : "their"} held-out windows come from the clip that is trained on, which flatters the accuracy. Two clips a class are better.`
          : `Ready: ${[...counts.values()].reduce((sum, count) => sum + count, 0)} clips in ${counts.size} classes.`;
    }
  }

  add.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = name.value.trim();
    if (!text) {
      app.say("Write the class's name first.", "error");
      name.focus();
      return;
    }
    named.add(text);
    name.value = "";
    draw();
    name.focus();
  });

  train.addEventListener("click", async () => {
    busy = true;
    describe();
    try {
      const answer = await app.engine.call("fineTune");
      trainedProbe.set(answer);
      result.replaceChildren(showResult(answer));
    } catch (error) {
      result.replaceChildren(h("p", { class: "finetune-state warning", role: "alert" }, messageOf(error)));
    } finally {
      busy = false;
      describe();
    }
  });

  save.addEventListener("click", () => {
    app.engine.call("exportProbe").then(download, fail(app));
  });
  trainedProbe.follow((probe) => {
    save.disabled = probe === undefined;
  });

  app.clips.follow(draw);
  app.adapter.follow(describe);
  app.playing.follow(() => refreshPlayButtons(app, root));
  app.selected.follow((selected) => {
    for (const row of rows.children) row.classList.remove("selected");
    const index = selected ? app.clips.get().indexOf(clipOf(app, selected.clip)!) : -1;
    rows.children[index]?.classList.add("selected");
  });
};

function listed(names: readonly string[]): string {
  return names.length < 2
    ? names.join("")
    : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** Hands a file to the person. */
function download({ name, type, bytes }: ExportedFile): void {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
