// Which browser tests run in, by MELGRAD_BROWSER, and how it is started headless with WebGPU. By default the Chromium of the npm package
// @sparticuz/chromium on its SwiftShader, which needs nothing else; `chromium` and `firefox` are the system's own, Firefox on the
// system's software Vulkan. All of them are driven by playwright-core. Not here: pages and what is served to them (launch.ts).
import { constants, createReadStream, createWriteStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, chromium, firefox } from "playwright-core";
import { findEmbeddedPackage, unpackOnce, unpackTar } from "../../src/host/node/embedded.js";

const kinds = ["embedded", "chromium", "firefox"] as const;
export type BrowserKind = (typeof kinds)[number];

/** The browser that tests run in. */
export const browserKind: BrowserKind = kindOf(process.env.MELGRAD_BROWSER || "embedded");

/** The adapter of Node whose numbers the browser's are compared with: the same software as its own. */
export const adapterBeside = browserKind === "firefox" ? "llvmpipe" : "embedded";

/** How adapters that a test may meet there are called; Firefox gives no name. */
export const adapterNames = browserKind === "firefox" ? /./ : /swiftshader/i;

/** Where the system's own browsers are, unless MELGRAD_BROWSER_PATH says otherwise. */
const places = {
  chromium: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  firefox: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

const chromiumArguments = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  // The page itself is put together by the same Vulkan: without, its first WebGPU canvas ends the GPU process.
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  // But what is drawn in two dimensions is drawn by the processor itself, several times faster than through it.
  "--disable-accelerated-2d-canvas",
  "--disable-gpu-rasterization",
  // A microphone that beeps once a second, allowed without asking.
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/** Starts the browser. */
export function launch(): Promise<Browser> {
  if (browserKind === "firefox") return launchFirefox();
  return browserKind === "chromium" ? launchChromium() : launchEmbedded();
}

function kindOf(name: string): BrowserKind {
  const kind = kinds.find((each) => each === name);
  if (!kind) throw new Error(`MELGRAD_BROWSER is one of ${kinds.join(", ")}, not ${name}.`);
  return kind;
}

function programOf(kind: keyof typeof places): string {
  const given = process.env.MELGRAD_BROWSER_PATH;
  const found = (given ? [given] : places[kind]).find((path) => existsSync(path));
  if (!found) throw new Error(`There is no ${kind} at ${given ?? places[kind].join(" or ")}.`);
  return found;
}

/** An unpatched Firefox, by WebDriver BiDi, in a home of its own. WebGPU on Linux is behind preferences. */
async function launchFirefox(): Promise<Browser> {
  const home = mkdtempSync(join(tmpdir(), "melgrad-firefox-"));
  const browser = await firefox.launch({
    channel: "moz-firefox",
    executablePath: programOf("firefox"),
    // What the driver has compiled stays where it is.
    env: { MESA_SHADER_CACHE_DIR: join(homedir(), ".cache"), ...process.env, HOME: home },
    firefoxUserPrefs: {
      "dom.webgpu.enabled": true,
      "dom.webgpu.workers.enabled": true,
      "gfx.webgpu.force-enabled": true,
      "gfx.webgpu.ignore-blocklist": true,
      "gfx.webrender.software": true,
      "layers.gpu-process.enabled": false,
      "media.cubeb.force_mock_context": true, // sound goes on where there is no device for it
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
    },
  });
  browser.on("disconnected", () => rmSync(home, { recursive: true, force: true }));
  return browser;
}

/** The system's Chromium, on the SwiftShader that comes with it: by itself it takes no other software. */
async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: programOf("chromium"),
    ignoreDefaultArgs: ["--disable-gpu"],
    args: chromiumArguments,
  });
}

/** Unpacks the browser once per version and starts it. */
async function launchEmbedded(): Promise<Browser> {
  const folder = await unpackBrowser();
  return chromium.launch({
    executablePath: join(folder, "chromium"),
    // A Debian without NSS and fonts finds the package's own.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
      FONTCONFIG_PATH: await writeFontConfig(folder),
      HOME: process.env.HOME || folder,
    },
    ignoreDefaultArgs: ["--disable-gpu"],
    args: chromiumArguments,
  });
}

/** The package's own list of font folders fits another machine; without any font, form controls end the browser. */
async function writeFontConfig(folder: string): Promise<string> {
  const config = join(folder, "fontconfig");
  await mkdir(config, { recursive: true });
  const folders = [join(folder, "fonts"), "/usr/share/fonts"].map((path) => `<dir>${path}</dir>`).join("");
  const cache = `<cachedir>${join(config, "cache")}</cachedir>`;
  await writeFile(join(config, "fonts.conf"), `<fontconfig>${folders}${cache}</fontconfig>\n`);
  return config;
}

async function unpackBrowser(): Promise<string> {
  const found = findEmbeddedPackage();
  if (typeof found === "string") throw new Error(`The browser tests need @sparticuz/chromium: ${found}.`);
  const expected = ["chromium", "libvk_swiftshader.so", "lib/libnss3.so", "fonts.conf"];
  const folder = await unpackOnce(`browser-${found.version}-${process.arch}`, expected, async (dir) => {
    for (const archive of ["swiftshader", "al2023", "fonts"]) {
      await unpackTar(join(found.bin, `${archive}.tar.br`), dir);
    }
    const program = join(dir, "chromium");
    await pipeline(
      createReadStream(join(found.bin, "chromium.br")),
      createBrotliDecompress({ chunkSize: 1 << 20 }),
      createWriteStream(program),
    );
    await chmod(program, 0o755);
  });
  await access(join(folder, "chromium"), constants.X_OK);
  return folder;
}
