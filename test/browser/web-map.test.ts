// The 3-D map in a real Chromium, on an engine that answers from made-up points: what is drawn where, what the pointer and the keys
// do, what happens without WebGPU and when its device goes.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshSeed } from "../support/gpu.js";
import { closeBrowser } from "./launch.js";
import { cloud, freePoints, start } from "./web-map/geometry.js";
import { buildPage, difference, drawn, openMap, pixelsOf, removeBuild } from "./web-map/open.js";

beforeAll(buildPage);
afterAll(async () => {
  await closeBrowser();
  await removeBuild();
});

const clips = 6;
const windows = 8;
const nameOf = (point: number) => `Piece ${Math.floor(point / windows) + 1}`;
const fromOf = (point: number) => 4.096 * (point % windows);

describe("the map", () => {
  it("draws points where float64 says, names the one under the pointer, plays it and stops", async () => {
    const positions = cloud(freshSeed("hover"), clips, windows);
    const { page, box, errors, close, shot } = await openMap({ positions, clips, windows });
    const pixels = await pixelsOf(page, ".map-stage");
    const [r, g, b] = pixels.at(12, box.height - 12);
    const free = freePoints(positions, box.width, box.height);
    expect(free.length).toBeGreaterThan(3);
    for (const { x, y } of free) {
      const colour = pixels.at(x, y);
      // Nowhere near the background's colour, and a disc: the same two pixels away.
      expect(Math.max(...colour.map((v, i) => Math.abs(v - [r, g, b][i])))).toBeGreaterThan(40);
      expect(pixels.at(x + 2, y)).toEqual(colour);
    }
    const played: number[] = [];
    // A first click of the person lets the page sound.
    await page.mouse.click(box.x + 10, box.y + box.height - 10);
    for (const { index, x, y } of free.slice(0, 3)) {
      await page.mouse.move(box.x + x + 1, box.y + y - 1);
      await page.waitForSelector(".map-tip:not([hidden])");
      expect(await page.locator(".map-tip strong").textContent()).toBe(nameOf(index));
      await page.waitForFunction((n) => bench.played.length === n, played.length + 1);
      const place = await page.evaluate(() => bench.played.at(-1));
      expect(place?.clip).toBe(`clip-${Math.floor(index / windows)}`);
      expect(place?.from).toBeCloseTo(fromOf(index), 6);
      played.push(index);
    }
    await shot("map-hover-1280");
    await page.mouse.move(box.x + 10, box.y + box.height - 10);
    await page.waitForFunction(() => bench.app.playing.value === undefined);
    expect(await page.locator(".map-tip").isHidden()).toBe(true);
    await page.getByLabel("Play on hover").uncheck();
    await page.mouse.move(box.x + free[0].x, box.y + free[0].y);
    await page.waitForTimeout(500);
    expect(await page.evaluate(() => bench.played.length)).toBe(played.length);
    await close();
    expect(errors).toEqual([]);
  });

  it("turns by dragging and by keys, zooms by wheel and keys, and draws nothing while still", async () => {
    const positions = cloud(freshSeed("orbit"), clips, windows);
    const { page, box, errors, close } = await openMap({ positions, clips, windows });
    const first = await pixelsOf(page, ".map-stage");
    await page.mouse.move(box.x + 60, box.y + box.height - 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 100, box.y + box.height - 40);
    await page.mouse.move(box.x + 160, box.y + box.height - 60);
    await page.mouse.up();
    await drawn(page);
    const turned = await pixelsOf(page, ".map-stage");
    expect(difference(first, turned)).toBeGreaterThan(0.02);
    // 0.008 a pixel: points lie where that says.
    const view = { ...start, yaw: start.yaw - 0.8, pitch: start.pitch - 0.16 };
    const free = freePoints(positions, box.width, box.height, view);
    expect(free.length).toBeGreaterThan(0);
    await page.mouse.move(box.x + free[0].x, box.y + free[0].y);
    await page.waitForSelector(".map-tip:not([hidden])");
    expect(await page.locator(".map-tip strong").textContent()).toBe(nameOf(free[0].index));
    await page.mouse.move(box.x + 60, box.y + box.height - 40);
    await drawn(page);

    const before = await page.evaluate(() => bench.frames);
    await page.waitForTimeout(700);
    expect(await page.evaluate(() => bench.frames)).toBe(before);

    await page.locator(".map-stage").focus();
    const seen = [await pixelsOf(page, ".map-stage")];
    for (const key of ["ArrowLeft", "ArrowUp", "+", "-"]) {
      await page.keyboard.press(key);
      await page.keyboard.press(key);
      await drawn(page);
      seen.push(await pixelsOf(page, ".map-stage"));
      expect(difference(seen.at(-2)!, seen.at(-1)!), key).toBeGreaterThan(0.005);
    }
    expect(difference(seen[2], seen[4])).toBeLessThan(0.002); // + and − undo each other
    await page.mouse.wheel(0, -300);
    await drawn(page);
    expect(difference(seen[4], await pixelsOf(page, ".map-stage"))).toBeGreaterThan(0.01);
    await page.keyboard.press("Home");
    await page.locator(".map-stage").blur(); // the focus has a frame
    await drawn(page);
    expect(difference(first, await pixelsOf(page, ".map-stage"))).toBeLessThan(0.002);
    await close();
    expect(errors).toEqual([]);
  });

  it("turns by one finger, zooms by two and chooses by a tap", async () => {
    const few = 4; // a narrow picture
    const positions = cloud(freshSeed("touch"), few, few);
    const size = { width: 360, height: 740 };
    const { page, box, errors, close } = await openMap({ positions, clips: few, windows: few, size });
    const session = await page.context().newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...points: [number, number][]) =>
      session.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: points.map(([x, y], id) => ({ x: box.x + x, y: box.y + y, id })),
      });
    const seen = [await pixelsOf(page, ".map-stage")];
    const look = async () => {
      await drawn(page);
      seen.push(await pixelsOf(page, ".map-stage"));
      return difference(seen.at(-2)!, seen.at(-1)!);
    };
    await touch("touchStart", [100, 200]);
    await touch("touchMove", [130, 200]);
    await touch("touchMove", [180, 230]);
    await touch("touchEnd");
    expect(await look()).toBeGreaterThan(0.01);
    expect(await page.evaluate(() => window.scrollY)).toBe(0);
    await touch("touchStart", [150, 200], [200, 200]);
    await touch("touchMove", [120, 200], [230, 200]);
    await touch("touchMove", [60, 200], [290, 200]);
    await touch("touchEnd");
    expect(await look()).toBeGreaterThan(0.01);
    await page.locator(".map-stage").focus();
    await page.keyboard.press("Home");
    await drawn(page);
    const [{ index, x, y }] = freePoints(positions, box.width, box.height);
    await touch("touchStart", [x + 4, y + 4]);
    await touch("touchEnd");
    await page.waitForFunction(() => bench.app.selected.value !== undefined);
    const clip = Math.floor(index / few);
    expect((await page.evaluate(() => bench.app.selected.value))?.clip).toBe(`clip-${clip}`);
    expect(await page.locator(".map-tip strong").textContent()).toBe(`Piece ${clip + 1}`);
    await close();
    expect(errors).toEqual([]);
  });

  it("chooses by clicking, by keys and in the list, lists the neighbours and follows the page's choice", async () => {
    const positions = cloud(freshSeed("choose"), clips, windows);
    const labels = ["piano", "drums", undefined];
    const { page, box, errors, close, shot } = await openMap({ positions, clips, windows, labels });
    const selected = () => page.evaluate(() => bench.app.selected.value);
    const [{ index, x, y }] = freePoints(positions, box.width, box.height);
    await page.mouse.click(box.x + x, box.y + y);
    await page.waitForSelector(".map-near .neighbour-list");
    expect(await selected()).toEqual({
      clip: `clip-${Math.floor(index / windows)}`,
      startFrame: 128 * (index % windows),
    });
    expect(await page.evaluate(() => bench.played.length)).toBe(1);
    expect(await page.locator(".map-near li").count()).toBe(5);
    expect(await page.locator(".map-near").textContent()).not.toContain(nameOf(index));
    await page.getByLabel("Colour by").selectOption("label");
    expect(await page.locator(".map-legend li").allTextContents()).toEqual(["drums", "piano", "no label"]);
    await drawn(page);
    await shot("map-chosen-1280");

    await page.locator(".map-stage").focus();
    await page.keyboard.press("n");
    const next = (index + 1) % (clips * windows);
    expect((await selected())?.clip).toBe(`clip-${Math.floor(next / windows)}`);
    await page.keyboard.press("Enter");
    expect((await page.evaluate(() => bench.app.playing.value))?.from).toBeCloseTo(fromOf(next), 6);
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => bench.app.playing.value)).toBeUndefined();
    expect(await page.locator(".map-chosen h3").textContent()).toBe("No window is chosen");

    await page.locator(".map-clips summary").nth(2).focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(".map-windows");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await selected()).toEqual({ clip: "clip-2", startFrame: 128 });
    expect(await page.locator(".map-windows [aria-pressed=true]").textContent()).toBe("0:04");

    await page.evaluate(() => (bench.app.selected.value = { clip: "clip-4", startFrame: 3 * 128 }));
    await page.waitForFunction(() =>
      document.querySelector(".map-chosen h3")?.textContent?.includes("Piece 5, 0:12"),
    );
    await close();
    expect(errors).toEqual([]);
  });

  it("moves a new map onto the old one: mirrored axes change nothing", async () => {
    const positions = cloud(freshSeed("align"), clips, windows);
    const { page, errors, close } = await openMap({ positions, clips, windows, calm: true });
    const before = await pixelsOf(page, ".map-stage");
    await page.evaluate((positions) => {
      const mirrored = positions.map(
        (_, i) => positions[i - (i % 3) + ((i + 1) % 3)] * (i % 3 === 0 ? -1 : 1),
      );
      bench.answers.map = () => bench.mapOf(mirrored, 40);
    }, positions);
    await page.getByRole("button", { name: "Update map" }).click();
    await page.waitForSelector("text=/model of step 40/");
    await drawn(page);
    expect(difference(before, await pixelsOf(page, ".map-stage"))).toBeLessThan(0.002);
    await close();
    expect(errors).toEqual([]);
  });

  it("goes from an old map to a new one through places between them", async () => {
    const positions = cloud(freshSeed("transition"), clips, windows);
    const { page, errors, close } = await openMap({ positions, clips, windows });
    await page.evaluate((positions) => {
      bench.answers.map = () =>
        bench.mapOf(
          positions.map((v, i) => (i % 24 < 12 ? v : 0.6 * v)),
          40,
        );
    }, positions);
    const frames = await page.evaluate(() => bench.frames);
    await page.getByRole("button", { name: "Update map" }).click();
    await page.waitForSelector("text=/model of step 40/");
    await page.waitForTimeout(1500);
    await drawn(page);
    const after = await page.evaluate(() => bench.frames);
    expect(after - frames).toBeGreaterThan(4);
    await page.waitForTimeout(400);
    expect(await page.evaluate(() => bench.frames)).toBe(after);
    await close();
    expect(errors).toEqual([]);
  });

  it("asks for a new map by itself when clips come, and while the model trains", async () => {
    const positions = cloud(freshSeed("refresh"), clips, windows);
    const { page, errors, close } = await openMap({ positions, clips, windows });
    const maps = () => page.evaluate(() => bench.calls.filter((call) => call.name === "map").length);
    const before = await maps();
    await page.evaluate((positions) => {
      bench.answers.map = () => bench.mapOf([...positions, ...positions.slice(0, 3 * 8)], 1);
      bench.clips(7, 8);
    }, positions);
    await expect.poll(maps, { timeout: 8000 }).toBe(before + 1);
    await page.getByLabel("Follow the training").uncheck();
    await page.evaluate(() => (bench.app.training.value = { status: "done", step: 20, steps: 20 }));
    await page.waitForTimeout(1600);
    expect(await maps()).toBe(before + 1);
    await page.getByLabel("Follow the training").check();
    await expect.poll(maps, { timeout: 8000 }).toBe(before + 2);
    await close();
    expect(errors).toEqual([]);
  });

  it("draws again on a new device when its own is lost", async () => {
    const positions = cloud(freshSeed("lost"), clips, windows);
    const { page, errors, close } = await openMap({ positions, clips, windows });
    await page.waitForTimeout(1500); // the first device has proved that it can show pictures
    const before = await pixelsOf(page, ".map-stage");
    await page.evaluate(() => bench.devices[0].destroy());
    await page.waitForFunction(() => bench.devices.length === 2);
    await drawn(page);
    await page.waitForTimeout(500);
    expect(await page.getAttribute(".map-stage", "data-renderer")).toBe("webgpu");
    expect(difference(before, await pixelsOf(page, ".map-stage"))).toBeLessThan(0.002);
    await page.locator(".map-stage").focus();
    await page.keyboard.press("ArrowLeft");
    await drawn(page);
    expect(difference(before, await pixelsOf(page, ".map-stage"))).toBeGreaterThan(0.005);
    await close();
    expect(errors).toEqual([]);
  });

  it("draws the same on a plain canvas without WebGPU, and says so", async () => {
    const positions = cloud(freshSeed("canvas"), clips, windows);
    const drawings = [];
    for (const head of ["", "Object.defineProperty(navigator, 'gpu', { value: undefined });"]) {
      const { page, box, errors, close, shot } = await openMap({ positions, clips, windows, head });
      expect(await page.getAttribute(".map-stage", "data-renderer")).toBe(head ? "canvas" : "webgpu");
      expect(await page.getByText("Drawn on a plain canvas").isVisible()).toBe(head !== "");
      drawings.push(await pixelsOf(page, ".map-stage"));
      if (head) {
        await shot("map-canvas-1280");
        const [{ index, x, y }] = freePoints(positions, box.width, box.height);
        await page.mouse.move(box.x + x, box.y + y);
        await page.waitForSelector(".map-tip:not([hidden])");
        expect(await page.locator(".map-tip strong").textContent()).toBe(nameOf(index));
      }
      await close();
      expect(errors).toEqual([]);
    }
    // Only the discs' rims differ.
    expect(difference(drawings[0], drawings[1])).toBeLessThan(0.03);
  });

  it("draws 5 000 points and finds one of 20 000 within a frame", async () => {
    const positions = cloud(freshSeed("many"), 100, 50);
    const { page, errors, close, shot } = await openMap({ positions, clips: 100, windows: 50 });
    await shot("map-5000");
    const times = await page.evaluate(async () => {
      const { Stage, matrices, project, pick, farthestFirst } = bench.tools;
      const best = (values: number[]) => Math.min(...values); // the machine may do other things too
      const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];
      const host = document.querySelector(".map-stage")!.cloneNode() as HTMLElement;
      document.querySelector("main")!.append(host);
      const stage = new Stage(host);
      while (stage.draws === 0) await new Promise((done) => setTimeout(done, 20));
      const fill = (n: number) => {
        stage.scene.positions = Float32Array.from({ length: 3 * n }, () => 1.2 * (Math.random() - 0.5));
        stage.scene.colours = new Uint8Array(4 * n).fill(140);
        stage.scene.looks = new Uint8Array(n);
        stage.scene.size = 0.011;
        stage.pointsChanged();
      };
      const script: number[] = [];
      const whole: Record<number, number[]> = { 0: [], 5000: [] };
      for (let i = 0; i < 24; i++) {
        const n = i % 2 === 0 ? 0 : 5000;
        fill(n);
        stage.orbit = { ...stage.orbit, yaw: stage.orbit.yaw + 0.05 };
        const begin = performance.now();
        stage.draw();
        if (n > 0) script.push(performance.now() - begin);
        await stage.finished();
        whole[n].push(performance.now() - begin);
      }
      stage.dispose();
      const many = Float32Array.from({ length: 60_000 }, () => 1.2 * (Math.random() - 0.5));
      const order = new Uint32Array(20_000);
      const projected = new Float32Array(60_000);
      const parts: Record<string, number[]> = { project: [], pick: [], sort: [] };
      for (let i = 0; i < 60; i++) {
        const { viewProjection } = matrices({ yaw: 0.1 * i, pitch: 0.2, distance: 3 }, 1.4);
        const t0 = performance.now();
        project(many, viewProjection, 900, 600, projected);
        const t1 = performance.now();
        pick(projected, 450, 300, 9, 2, 5);
        const t2 = performance.now();
        farthestFirst(projected, order);
        parts.project.push(t1 - t0);
        parts.pick.push(t2 - t1);
        parts.sort.push(performance.now() - t2);
      }
      return {
        script: best(script),
        whole: best(whole[5000]),
        empty: best(whole[0]),
        project: median(parts.project),
        pick: median(parts.pick),
        sort: median(parts.sort),
      };
    });
    const text = Object.entries(times).map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`);
    console.info(
      `5 000 points: script, whole drawing, and of an empty map; 20 000 points: the rest; ${text.join(", ")}`,
    );
    expect(times.script).toBeLessThan(16);
    expect(times.whole).toBeLessThan(400); // on a software adapter, beside other work
    expect(times.pick).toBeLessThan(2);
    await close();
    expect(errors).toEqual([]);
  });
});
