// The 3-D map of the embeddings: every window of every clip a point, near what sounds alike to the model. Turn it, hover to hear,
// click to choose. The drawing is in web/map; the worker embeds and finds the axes.
import { asReleased, type View } from "../app.js";
import { fail, field, followLook, followVisibility, h, styleOf } from "../dom.js";
import { Atlas, type Category, type ColourBy } from "../map/atlas.js";
import { HOME } from "../map/camera.js";
import { chosenPanel } from "../map/chosen.js";
import { clipList } from "../map/clip-list.js";
import { cssColour, parseColour } from "../map/colours.js";
import { control } from "../map/controls.js";
import { links, path, plumb, surroundings } from "../map/figures.js";
import { clipOf, frameOf, placeName, refreshPlayButtons, secondsOf, sounds } from "../map/nearest.js";
import { followTraining } from "../map/refresh.js";
import { Look, type Rgba, sizeFor } from "../map/scene.js";
import { Stage } from "../map/stage.js";
import { mapTip } from "../map/tip.js";
import { tween } from "../map/tween.js";
import type { EmbeddingMap } from "../protocol.js";

/** Milliseconds that the pointer rests on a point before it sounds. */
const HOVER_DELAY = 220;

export const map: View = (root, app) => {
  const update = h("button", { type: "button", onclick: () => void refresh(true) }, "Draw the map");
  const colourBy = h(
    "select",
    {},
    h("option", { value: "clip" }, "clip"),
    h("option", { value: "label" }, "label"),
  );
  const hoverPlays = h("input", { type: "checkbox", checked: true });
  const follows = h("input", { type: "checkbox", checked: true });
  const tip = mapTip(app);
  const empty = h("p", { class: "map-empty" });
  const legend = h("ul", { class: "map-legend", "aria-label": "Colours", hidden: true });
  const help = h(
    "p",
    { class: "hint", id: "map-help" },
    "Drag or arrow keys turn, wheel, pinch or + and − zoom, Home sets back. Click chooses a window; N and P step through them, Enter plays.",
  );
  const host = h(
    "div",
    {
      class: "map-stage",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "3-D map",
      "aria-label": "Map of the embeddings.",
      "aria-describedby": "map-help",
    },
    tip.element,
    empty,
    legend,
  );
  const facts = h("p", { class: "hint", "aria-live": "polite" });
  const drawnBy = h("p", { class: "hint", hidden: true });
  const panel = chosenPanel(
    app,
    (neighbours) => {
      near = neighbours.map((each) => atlas?.pointAt(each.clip, each.from) ?? -1).filter((each) => each >= 0);
      look();
    },
    (each) => choose(atlas?.pointAt(each.clip, each.from) ?? -1, false),
  );
  const list = clipList({
    choose: (point) => choose(point, true),
    light: (clip) => {
      lit = clip;
      look();
    },
  });
  root.classList.add("map-view");
  root.append(
    h(
      "div",
      { class: "row map-tools" },
      update,
      field("Colour by", colourBy),
      h("label", { class: "tick" }, hoverPlays, h("span", {}, "Play on hover")),
      h("label", { class: "tick" }, follows, h("span", {}, "Follow the training")),
    ),
    h(
      "div",
      { class: "map-layout" },
      h("div", { class: "map-main" }, host, facts, drawnBy, help),
      h(
        "div",
        { class: "map-side" },
        panel.element,
        h(
          "details",
          { class: "map-all", open: true },
          h("summary", {}, "All points as a list"),
          list.element,
        ),
      ),
    ),
  );

  let atlas: Atlas | undefined;
  let ofClip = new Map<string, Category>();
  let hovered = -1;
  let chosen = -1;
  let near: number[] = [];
  let lit: string | undefined;
  let hoverTimer = 0;
  let hoverSounds = false;
  let stopTween = () => {};
  let ink: Rgba = [0, 0, 0, 255];
  let accent: Rgba = [0, 0, 0, 255];
  let dark = false;

  const stage = new Stage(host, {
    onRenderer: (kind, why) => {
      drawnBy.hidden = kind === "webgpu";
      drawnBy.textContent = why ? `Drawn on a plain canvas, which is slower: ${why}` : "";
      host.dataset.renderer = kind;
    },
    onDraw: () => placeTip(),
  });

  // Colours

  function readColours(): void {
    const style = styleOf(host);
    dark = matchMedia("(prefers-color-scheme: dark)").matches;
    ink = parseColour(style("--ink"), dark ? [233, 234, 236, 255] : [27, 29, 33, 255]);
    accent = parseColour(style("--accent"), dark ? [141, 180, 255, 255] : [36, 89, 184, 255]);
    stage.scene.ink = ink;
    stage.scene.background = parseColour(
      getComputedStyle(host).backgroundColor,
      dark ? [20, 22, 25, 255] : [253, 253, 252, 255],
    );
    paint();
  }

  function paint(): void {
    const by = colourBy.value as ColourBy;
    const clips = app.clips.get();
    if (atlas) {
      const made = atlas.colour(clips, by, dark);
      stage.scene.colours = made.colours;
      ofClip = made.ofClip;
      legend.hidden = by === "clip" || made.categories.length === 0;
      legend.replaceChildren(
        ...made.categories.slice(0, 12).map(({ name, colour }) => {
          const swatch = h("i", { class: "swatch", "aria-hidden": "true" });
          swatch.style.background = cssColour(colour);
          return h("li", {}, swatch, name ?? "no label");
        }),
      );
    }
    list.show(atlas, clips, ofClip);
    list.mark(chosen);
    look();
  }

  // What stands out

  function look(): void {
    const { scene } = stage;
    const soundingPoint = playingPoint();
    if (atlas) {
      const shown = lit ?? (hovered >= 0 ? atlas.points[hovered].clip : undefined);
      const of = shown === undefined ? undefined : new Set(atlas.byClip.get(shown));
      for (let i = 0; i < scene.looks.length; i++) scene.looks[i] = of && !of.has(i) ? Look.Dim : Look.Plain;
      for (const point of near) scene.looks[point] = Look.Plain;
      if (chosen >= 0) scene.looks[chosen] = Look.Ring;
      if (soundingPoint >= 0) scene.looks[soundingPoint] = Look.Focus;
      if (hovered >= 0) scene.looks[hovered] = Look.Focus;
    }
    drawLines();
    stage.pointsChanged();
  }

  function drawLines(): void {
    const { scene } = stage;
    scene.lines = surroundings(ink);
    if (atlas) {
      const clip = lit ?? atlas.points[hovered >= 0 ? hovered : chosen]?.clip;
      const colour = clip === undefined ? undefined : ofClip.get(clip)?.colour;
      if (clip !== undefined && colour)
        scene.lines.push(...path(scene.positions, atlas.byClip.get(clip) ?? [], colour));
      if (chosen >= 0) scene.lines.push(...links(scene.positions, chosen, near, accent));
      const focus = hovered >= 0 ? hovered : chosen;
      if (focus >= 0) scene.lines.push(...plumb(scene.positions, focus, ink));
    }
    stage.linesChanged();
  }

  function playingPoint(): number {
    const now = app.playing.get();
    return now && atlas ? atlas.pointAt(now.clip, Math.max(now.from, app.position())) : -1;
  }

  function placeTip(): void {
    const [x, y] = stage.screen().subarray(3 * hovered, 3 * hovered + 2);
    tip.place(hovered >= 0 ? { x, y } : undefined, stage.size);
  }

  // Pointing, choosing, playing

  function hover(point: number): void {
    if (point === hovered) return;
    hovered = point;
    clearTimeout(hoverTimer);
    if (hoverSounds) {
      hoverSounds = false;
      app.stop();
    }
    host.classList.toggle("on-point", point >= 0);
    if (point >= 0 && atlas) {
      const place = atlas.points[point];
      tip.name(place);
      // A page may sound only after a first click or key.
      if (hoverPlays.checked && navigator.userActivation?.hasBeenActive !== false) {
        hoverTimer = window.setTimeout(() => {
          hoverSounds = true;
          void app.play(place);
        }, HOVER_DELAY);
      }
    }
    look();
  }

  /** Chooses a window for all views, and says it; `plays` where the person asked for it by clicking. */
  function choose(point: number, plays: boolean): void {
    if (!atlas || point < 0) return;
    const { clip, from, to } = atlas.points[point];
    mark(point);
    app.selected.set({ clip, startFrame: frameOf(app, clipOf(app, clip), from) });
    clearTimeout(hoverTimer);
    hoverSounds = false;
    if (plays) void app.play({ clip, from, to });
  }

  function mark(point: number): void {
    if (point === chosen && point >= 0) return;
    chosen = point;
    near = [];
    list.mark(point);
    look();
    const place = atlas?.points[point];
    host.setAttribute(
      "aria-label",
      `Map of the embeddings.${place ? ` Chosen: ${placeName(app, place)}` : ""}`,
    );
    panel.show(place);
  }

  control(host, {
    get orbit() {
      return stage.orbit;
    },
    set orbit(orbit) {
      stage.orbit = orbit;
    },
    hover: (x, y) => hover(stage.pick(x, y)),
    leave: () => hover(-1),
    click: (x, y, touch) => {
      const point = stage.pick(x, y, touch ? 14 : 5);
      if (point < 0) mark(-1);
      else choose(point, true);
      if (touch) hover(point);
    },
    key: (event) => {
      if (!atlas) return false;
      const count = atlas.points.length;
      if (event.key === "n" || event.key === "N") choose((chosen + 1) % count, false);
      else if (event.key === "p" || event.key === "P")
        choose((Math.max(chosen, 0) + count - 1) % count, false);
      else if ((event.key === "Enter" || event.key === " ") && chosen >= 0) {
        const place = atlas.points[chosen];
        if (sounds(app, place)) app.stop();
        else void app.play(place);
      } else if (event.key === "Escape") {
        app.stop();
        mark(-1);
      } else return false;
      return true;
    },
  });

  // Asking for the map

  let asking = false;
  let failed = false;
  /** Milliseconds that it took; undefined where it failed. */
  async function refresh(asked: boolean): Promise<number | undefined> {
    if (asking || !app.adapter.get() || app.clips.get().length === 0) return undefined;
    asking = true;
    describe();
    const start = performance.now();
    try {
      show(await app.engine.call("map"));
      made();
      failed = false;
    } catch (error) {
      // What happens by itself complains once.
      if (asked || !failed) fail(app)(error);
      failed = true;
    } finally {
      asking = false;
      describe();
    }
    return failed ? undefined : performance.now() - start;
  }

  function show(answer: EmbeddingMap): void {
    stopTween();
    const before = atlas;
    const { scene } = stage;
    const chosenPlace = before?.points[chosen];
    const hoveredPlace = before?.points[hovered];
    atlas = new Atlas(answer, before);
    hovered = hoveredPlace ? atlas.pointAt(hoveredPlace.clip, hoveredPlace.from) : -1;
    near = [];
    const start = before ? atlas.positionsIn(before, scene.positions) : undefined;
    const { positions } = atlas;
    scene.looks = new Uint8Array(atlas.points.length);
    scene.size = sizeFor(atlas.points.length);
    scene.positions = start ?? Float32Array.from(positions);
    chosen = -1;
    paint();
    if (start) {
      stopTween = tween(start, positions, scene.positions, () => {
        drawLines();
        stage.pointsChanged();
      });
    }
    const selected = app.selected.get();
    if (chosenPlace) mark(atlas.pointAt(chosenPlace.clip, chosenPlace.from));
    else if (selected)
      mark(atlas.pointAt(selected.clip, secondsOf(app, clipOf(app, selected.clip), selected.startFrame)));
  }

  /** What the map holds and what is missing in it. */
  function describe(): void {
    const clips = app.clips.get();
    update.disabled = asking || clips.length === 0 || !app.adapter.get();
    update.textContent = asking ? "Embedding…" : atlas ? "Update map" : "Draw the map";
    empty.hidden = atlas !== undefined;
    empty.textContent =
      clips.length === 0
        ? "Add music to the library: each clip becomes a string of points here."
        : asking
          ? "Embedding the clips…"
          : "The map is not drawn yet.";
    if (!atlas) {
      facts.textContent = "";
      return;
    }
    const missing = clips.filter((clip) => !atlas!.byClip.has(clip.id)).length;
    facts.textContent = [
      `${atlas.points.length} windows of ${atlas.byClip.size} clips, by ${madeBy(atlas.step)}.`,
      `The three axes hold ${Math.round(100 * atlas.explained)} % of the variance.`,
      missing > 0 ? `${missing} ${missing === 1 ? "clip is" : "clips are"} not in it yet.` : "",
    ].join(" ");
  }

  function madeBy(step: number): string {
    const name = step === 0 && asReleased(app);
    return name ? `${name} as it was released` : `the model of step ${step}`;
  }

  // Following the app

  app.clips.follow(() => {
    describe();
    paint();
  });
  app.adapter.follow(() => describe());
  app.selected.follow((selected) => {
    if (!atlas || !selected) return;
    const seconds = secondsOf(app, clipOf(app, selected.clip), selected.startFrame);
    const now = atlas.points[chosen];
    if (now?.clip === selected.clip && Math.abs(now.from - seconds) < 0.05) return;
    mark(atlas.pointAt(selected.clip, seconds));
  });
  let clock = 0;
  let lastPlaying = -1;
  app.playing.follow((place) => {
    refreshPlayButtons(app, root);
    clearInterval(clock);
    const follow = () => {
      const point = playingPoint();
      if (point === lastPlaying) return;
      lastPlaying = point;
      look();
    };
    if (place) clock = window.setInterval(follow, 150);
    else hoverSounds = false;
    follow();
  });
  colourBy.addEventListener("change", paint);
  hoverPlays.addEventListener("change", () => clearTimeout(hoverTimer));
  followLook(host, readColours);
  readColours();
  stage.orbit = { ...HOME };

  let visible = false;
  const { changed, made } = followTraining(app, {
    wanted: () => visible && follows.checked,
    stale: () => {
      const clips = app.clips.get();
      return !atlas || clips.some((clip) => !atlas!.byClip.has(clip.id)) || clips.length < atlas.byClip.size;
    },
    refresh: () => refresh(false),
  });
  follows.addEventListener("change", changed);
  followVisibility(host, (now) => {
    visible = now;
    changed();
  });
};
