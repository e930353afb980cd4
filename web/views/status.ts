// One line on what the page runs on and how much it holds: adapter, GPU memory, step, what is saved.
import { type App, asReleased, type View } from "../app.js";
import { bytesText, fail, h } from "../dom.js";

const everyMs = 3000;

/** The adapter's report to the clipboard or, where the browser refuses that, into a window to copy it from. */
async function copyReport(app: App): Promise<void> {
  const text = await app.engine.call("adapterReport");
  try {
    await navigator.clipboard.writeText(text);
    app.say("The adapter's report is on the clipboard: paste it into a bug report.");
  } catch {
    const area = h("textarea", { readOnly: true, rows: 20, cols: 80, "aria-label": "Adapter report" });
    area.value = text;
    const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const dialog = h("dialog", { onclose: () => dialog.remove() }, area, close);
    document.body.append(dialog);
    dialog.showModal();
    area.select();
  }
}

export const status: View = (root, app) => {
  const adapter = h("span", { class: "adapter" });
  const badge = h("span", { class: "badge", hidden: true }, "software");
  const step = h("span", {});
  const memory = h("span", { class: "wide" });
  const saved = h("span", { class: "wide" });
  const report = h(
    "button",
    {
      type: "button",
      class: "quiet",
      disabled: true,
      title: "A text on this browser's GPU, to paste into a bug report",
      onclick: () => void copyReport(app).catch(fail(app)),
    },
    "Report",
  );
  root.append(adapter, badge, step, memory, saved, report);

  app.adapter.follow((info) => {
    adapter.textContent = info ? info.name : "no adapter";
    report.disabled = !info;
    badge.hidden = !info?.software;
    badge.title = "The browser computes on the processor: everything works, slowly.";
    root.dataset.adapter = info ? "open" : "none";
  });
  let loss: number | undefined;
  const showStep = () => {
    const { status: state, step: at } = app.training.get();
    const name = asReleased(app);
    if (name && state === "idle") {
      step.textContent = `model ${name}`;
      return;
    }
    step.textContent = `${state === "running" ? "training, " : ""}step ${at}${loss === undefined || at === 0 ? "" : `, loss ${loss.toPrecision(3)}`}`;
  };
  app.training.follow(showStep);
  app.model.follow(showStep);
  app.engine.on("step", (event) => {
    loss = event.loss;
    showStep();
  });
  app.engine.on("saved", (state) => {
    saved.textContent = state.step === undefined ? "" : `saved at step ${state.step}`;
  });

  let asking = false;
  async function ask(): Promise<void> {
    if (asking || document.hidden || !app.adapter.get()) return;
    asking = true;
    try {
      const { gpuBytes } = await app.engine.call("usage");
      memory.textContent = `GPU ${bytesText(gpuBytes)}`;
    } catch {
      memory.textContent = ""; // an adapter that is just being lost has nothing to tell
    } finally {
      asking = false;
    }
  }
  setInterval(() => void ask(), everyMs);
  app.adapter.follow(() => void ask());
};
