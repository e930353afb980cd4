// One line on what the page runs on and how much it holds: adapter, GPU memory, step, what is saved.
import type { View } from "../app.js";
import { bytesText, h } from "../dom.js";

const everyMs = 3000;

export const status: View = (root, app) => {
  const adapter = h("span", { class: "adapter" });
  const badge = h("span", { class: "badge", hidden: true }, "software");
  const step = h("span", {});
  const memory = h("span", { class: "wide" });
  const saved = h("span", { class: "wide" });
  root.append(adapter, badge, step, memory, saved);

  app.adapter.follow((info) => {
    adapter.textContent = info ? info.name : "no adapter";
    badge.hidden = !info?.software;
    badge.title = "The browser computes on the processor: everything works, slowly.";
    root.dataset.adapter = info ? "open" : "none";
  });
  let loss: number | undefined;
  const showStep = () => {
    const { status: state, step: at } = app.training.get();
    step.textContent = `${state === "running" ? "training, " : ""}step ${at}${loss === undefined || at === 0 ? "" : `, loss ${loss.toPrecision(3)}`}`;
  };
  app.training.follow(showStep);
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
