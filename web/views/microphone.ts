// The microphone: its log-mel as it comes, what the trained probe hears in it, and recordings for the library. The samples go to the
// worker and nowhere else.
import type { View } from "../app.js";
import { clock, followVisibility, h, messageOf } from "../dom.js";
import { trainedProbe } from "./finetune-probe.js";
import { type Input, inputDevices, openInput } from "./microphone-input.js";
import { type LiveMel, liveMel, SHOWN } from "./microphone-mel.js";

/** Milliseconds between two questions to the probe, and between two attempts where there is none. */
const CLASSIFY = 500;
const CLASSIFY_AGAIN = 6000;
/** Minutes after which a recording ends by itself. */
const LONGEST = 10;
/** Seconds of nothing at all after which the person is told. */
const SILENCE = 3;

export const microphone: View = (root, app) => {
  const listen = h("button", { type: "button", class: "primary" }, "Listen");
  const record = h("button", { type: "button", disabled: true }, "Record");
  const time = h("span", {
    class: "microphone-time",
    role: "timer",
    "aria-label": "Length of the recording",
  });
  const devices = h("select", { "aria-label": "Microphone" });
  const devicesField = h("label", { class: "field", hidden: true }, h("span", {}, "Microphone"), devices);
  const level = h("i", {});
  const meter = h("div", { class: "microphone-level", "aria-hidden": "true" }, level);
  const canvas = h("canvas", {
    class: "microphone-mel",
    role: "img",
    "aria-label": "Log-mel of the microphone, moving",
  });
  const picture = h(
    "figure",
    { class: "microphone-picture" },
    canvas,
    h("figcaption", { class: "microphone-axis" }, h("span", {}, `${SHOWN} s ago`), h("span", {}, "now")),
  );
  const state = h(
    "p",
    { class: "hint", "aria-live": "polite" },
    "Nothing is heard until you press Listen, and nothing leaves this tab.",
  );
  const bars = h("div", { class: "microphone-classes" });
  root.classList.add("microphone-view");
  root.append(
    h("div", { class: "row" }, listen, record, time, devicesField, meter),
    state,
    picture,
    h("h3", {}, "What the probe hears"),
    bars,
  );

  let input: Input | undefined;
  let mel: LiveMel | undefined;
  let opening = false;
  let visible = true;
  let frame = 0;
  let recording: { blocks: Float32Array[]; samples: number } | undefined;
  let nextClassify = 0;
  let classifying = false;
  let silentSince = 0;
  let chosen: string | undefined;
  let melFailed = false;

  const say = (text: string, bad = false) => {
    state.textContent = text;
    state.classList.toggle("warning", bad);
  };

  async function start(): Promise<void> {
    if (opening) return;
    opening = true;
    listen.disabled = true;
    say("Asking for the microphone…");
    try {
      input = await openInput({
        device: chosen,
        onBlock: heard,
        onEnd: () => stop("The microphone went away: plug it in and listen again.", true),
      });
      const frontEnd = app.model.get()?.model.frontEnd;
      const hop = frontEnd ? frontEnd.hopLength / frontEnd.sampleRate : 0.032;
      mel = liveMel(canvas, input, hop, (samples, rate) => app.engine.call("liveMel", samples, rate));
      melFailed = false;
      silentSince = performance.now();
      nextClassify = 0;
      say(`Listening to ${input.device}.`);
      frame = requestAnimationFrame(tick);
      void showDevices();
    } catch (error) {
      say(messageOf(error), true);
    } finally {
      opening = false;
      listen.disabled = false;
      showButtons();
    }
  }

  function stop(text = "Stopped.", bad = false): void {
    if (recording) finishRecording();
    input?.close();
    input = undefined;
    cancelAnimationFrame(frame);
    level.style.transform = "scaleX(0)";
    say(text, bad);
    showButtons();
  }

  function showButtons(): void {
    listen.textContent = input ? "Stop listening" : "Listen";
    listen.setAttribute("aria-pressed", String(!!input));
    record.disabled = !input;
    record.textContent = recording ? "Stop and keep" : "Record";
    record.classList.toggle("recording", !!recording);
    time.textContent = recording ? clock(0, true) : "";
    root.dataset.state = recording ? "recording" : input ? "listening" : "off";
  }

  async function showDevices(): Promise<void> {
    const found = await inputDevices().catch(() => []);
    devicesField.hidden = found.length < 2;
    devices.replaceChildren(...found.map(({ id, name }) => h("option", { value: id }, name)));
    devices.value = chosen ?? found.find((each) => each.name === input?.device)?.id ?? "";
  }

  function heard(samples: Float32Array): void {
    if (recording) {
      recording.blocks.push(samples);
      recording.samples += samples.length;
      if (recording.samples > LONGEST * 60 * input!.sampleRate) finishRecording();
    }
    if (input && input.level > 0) silentSince = performance.now();
  }

  /** One picture. */
  function tick(): void {
    if (!input || !mel) return;
    frame = requestAnimationFrame(tick);
    mel.step().catch((error) => {
      if (!melFailed) say(messageOf(error), true);
      melFailed = true;
    });
    if (visible) mel.draw(input.now());
    // −60 dB to 0 dB.
    const loud = Math.max(0, Math.min(1, 1 + Math.log10(Math.max(1e-6, input.level)) / 3));
    level.style.transform = `scaleX(${loud.toFixed(3)})`;
    if (recording) time.textContent = clock(recording.samples / input.sampleRate, true);
    const now = performance.now();
    if (silentSince > 0 && now - silentSince > 1000 * SILENCE) {
      silentSince = Number.POSITIVE_INFINITY;
      say(`${input.device} gives nothing but silence: see whether it is muted.`, true);
    }
    if (now >= nextClassify && !classifying) void classify();
  }

  // What the probe says

  async function classify(): Promise<void> {
    if (!input) return;
    const settings = app.model.get()?.model;
    const seconds = settings
      ? (settings.cropFrames * settings.frontEnd.hopLength) / settings.frontEnd.sampleRate
      : 4;
    if (input.count < seconds * input.sampleRate) {
      if (bars.childElementCount === 0)
        showHint(`The first answer comes after ${Math.ceil(seconds)} seconds.`);
      nextClassify = performance.now() + 250;
      return;
    }
    classifying = true;
    const begun = performance.now();
    try {
      const samples = input.slice(input.count - seconds * input.sampleRate, input.count);
      const { classes, probabilities } = await app.engine.call("classify", samples, input.sampleRate);
      if (input) showBars(classes, probabilities);
      nextClassify = begun + CLASSIFY;
    } catch (error) {
      showHint(
        trainedProbe.get()
          ? messageOf(error)
          : "No probe is trained yet: give clips their classes and train one.",
      );
      nextClassify = performance.now() + CLASSIFY_AGAIN;
    } finally {
      classifying = false;
    }
  }

  function showHint(text: string): void {
    if (bars.firstElementChild?.textContent !== text) bars.replaceChildren(h("p", { class: "hint" }, text));
  }

  let shownClasses = "";
  function showBars(classes: readonly string[], probabilities: readonly number[]): void {
    const key = classes.join("\n");
    if (key !== shownClasses || bars.querySelector("ul") === null) {
      shownClasses = key;
      bars.replaceChildren(
        h(
          "ul",
          { "aria-label": "Classes and their probabilities" },
          ...classes.map((name) =>
            h(
              "li",
              {},
              h("span", {}, name),
              h("span", { class: "similarity-bar", "aria-hidden": "true" }, h("i", {})),
              h("output", {}, ""),
            ),
          ),
        ),
      );
    }
    const best = probabilities.indexOf(Math.max(...probabilities));
    for (const [i, item] of [...bars.querySelectorAll("li")].entries()) {
      item.classList.toggle("best", i === best);
      item.querySelector("i")!.style.width = `${(100 * probabilities[i]).toFixed(1)}%`;
      item.querySelector("output")!.textContent = `${Math.round(100 * probabilities[i])} %`;
    }
  }

  // Recording

  function finishRecording(): void {
    if (!recording || !input) return;
    const { blocks, samples: length } = recording;
    const { sampleRate } = input;
    recording = undefined;
    showButtons();
    if (length < sampleRate / 2) {
      say("That recording is shorter than half a second and was not kept.", true);
      return;
    }
    const samples = new Float32Array(length);
    let at = 0;
    for (const block of blocks) {
      samples.set(block, at);
      at += block.length;
    }
    const name = `Recording ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`;
    app.engine.call("addRecording", samples, sampleRate, name).then(
      ({ added }) => {
        const known = new Set(added.map((clip) => clip.id));
        app.clips.set([...app.clips.get().filter((clip) => !known.has(clip.id)), ...added]);
        if (added[0])
          say(`Kept as ${added[0].name}, ${clock(added[0].seconds, true)}. It is in the library.`);
      },
      (error) => say(messageOf(error), true),
    );
  }

  listen.addEventListener("click", () => {
    if (input) stop();
    else void start();
  });
  record.addEventListener("click", () => {
    if (!input) return;
    if (recording) return finishRecording();
    recording = { blocks: [], samples: 0 };
    // What is played meanwhile would be recorded too.
    app.stop();
    showButtons();
    say("Recording…");
  });
  devices.addEventListener("change", () => {
    chosen = devices.value;
    stop("Changing the microphone…");
    void start();
  });
  trainedProbe.follow((probe) => {
    nextClassify = 0;
    if (!input)
      showHint(
        probe
          ? "Press Listen to hear it."
          : "Train a probe first; then its classes move here as you play, sing or knock.",
      );
  });
  followVisibility(root, (now) => {
    visible = now;
  });
  showButtons();
};
