// The decoders in a real browser give what they give in Node, bit for bit, and refuse a cut file the same way.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { decodeAudio } from "../../src/audio/decode.js";
import { closeBrowser, openPage } from "./launch.js";

afterAll(closeBrowser);

const names = ["pcm-s24-stereo.wav", "s16-stereo.flac", "mpeg1-stereo.mp3", "mpeg2-mono.mp3"];
names.push("vorbis-stereo.ogg", "opus-stereo.opus", "flac-stereo.ogg");

test("every format decodes in Chromium to the bits that Node gives", async () => {
  const built = await build({
    entryPoints: [fileURLToPath(new URL("../../src/audio/decode.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "browser",
    format: "esm",
    external: ["@wasm-audio-decoders/opus-ml"], // an option of the Opus decoder that is not used, 4 MB
    logLevel: "error",
  });
  const { page, errors, close } = await openPage({
    html: `<!doctype html><meta charset=utf-8><script type="module">
      import * as decode from "/decode.js";
      globalThis.decode = decode;
    </script>`,
    files: { "/decode.js": built.outputFiles[0].text },
  });
  const inPage = await page.evaluate(async (files) => {
    const { decodeAudio } = (globalThis as unknown as { decode: typeof import("../../src/audio/decode.js") })
      .decode;
    const load = async (name: string) =>
      new Uint8Array(await (await fetch(`/test/fixtures/audio/${name}`)).arrayBuffer());
    const decoded = [];
    for (const name of files) {
      const { sampleRate, channels } = await decodeAudio(await load(name), { name });
      const hashes = [];
      for (const channel of channels) {
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Float32Array(channel)));
        hashes.push([...hash].map((b) => b.toString(16).padStart(2, "0")).join(""));
      }
      decoded.push({ name, sampleRate, length: channels[0].length, hashes });
    }
    const cut = (await load(files[1])).slice(0, 9000);
    const error = await decodeAudio(cut, { name: "cut.flac" }).catch((e: Error) => e.message);
    return { decoded, error };
  }, names);
  await close();
  expect(errors).toEqual([]);
  expect(inPage.error).toMatch(/^cut\.flac: truncated: \d+ of 17640 samples are there$/);
  for (const [i, name] of names.entries()) {
    const file = readFileSync(new URL(`../fixtures/audio/${name}`, import.meta.url));
    const { sampleRate, channels } = await decodeAudio(new Uint8Array(file));
    const hashes = channels.map((c) =>
      createHash("sha256").update(new Uint8Array(c.slice().buffer)).digest("hex"),
    );
    expect(inPage.decoded[i]).toEqual({ name, sampleRate, length: channels[0].length, hashes });
  }
});
