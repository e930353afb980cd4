// A real headless Chromium with WebGPU for tests, from npm alone: the browser of @sparticuz/chromium, run by playwright-core
// on SwiftShader, and a small static server on 127.0.0.1. It knows nothing of what is tested.
import { constants, createReadStream, createWriteStream, statSync } from "node:fs";
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { findEmbeddedPackage, unpackOnce, unpackTar } from "../../src/host/node/embedded.js";

export interface PageOptions {
  /** The page's HTML; its scripts import by path, for example `/dist/melgrad.js`. */
  html?: string;
  /** Or the path of a page below the served folder. Without either the page is empty. */
  path?: string;
  /** Served under these paths, over the files of `root`: text, bytes, or `{ file }` for a file elsewhere. */
  files?: Record<string, string | Uint8Array | { file: string }>;
  /** The served folder; the repository's by default. */
  root?: string;
}

/** A page, what went wrong in it, and its address. */
export interface OpenedPage {
  page: Page;
  url: string;
  /** Uncaught exceptions, console errors and failed requests, in order. A test ends with `expect(errors).toEqual([])`. */
  errors: string[];
  /** Closes the page and its server; the browser stays for the next page (closeBrowser). */
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

let browser: Promise<Browser> | undefined;

/** Opens a page of the shared browser, on a server of its own. */
export async function openPage(options: PageOptions = {}): Promise<OpenedPage> {
  browser ??= launch();
  const context = await (await browser).newContext();
  const server = await serve(options);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.stack ?? error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("requestfailed", (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
  const close = async () => {
    await context.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  try {
    await page.goto(new URL(options.html === undefined && options.path ? options.path : "/", url).href);
  } catch (error) {
    await close();
    throw error;
  }
  return { page, url, errors, close };
}

/** Ends the shared browser, for `afterAll`. */
export async function closeBrowser(): Promise<void> {
  const open = browser;
  browser = undefined;
  await (await open)?.close();
}

/** Unpacks the browser once per version and starts it. */
async function launch(): Promise<Browser> {
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
    args: [
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
    ],
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

async function serve(options: PageOptions): Promise<Server> {
  const root = resolve(options.root ?? ".");
  const given = new Map(
    Object.entries(options.files ?? {}).map(([path, file]) => [`/${path.replace(/^\//, "")}`, file]),
  );
  given.set("/favicon.ico", "");
  if (options.html !== undefined || !options.path) {
    given.set("/", options.html ?? "<!doctype html><title>test</title>");
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = given.get(path);
    const type = types[extname(path)] ?? (path === "/" ? types[".html"] : "application/octet-stream");
    if (typeof file === "string" || file instanceof Uint8Array) {
      response.writeHead(200, { "content-type": type }).end(file);
      return;
    }
    const full = file ? resolve(file.file) : resolve(root, `.${path}`);
    if (!file && !full.startsWith(root + sep)) return void response.writeHead(403).end();
    sendFile(full, type, response);
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", done);
  });
  server.unref();
  return server;
}

function sendFile(path: string, type: string, response: ServerResponse): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": type });
  pipeline(createReadStream(path), response).catch(() => response.destroy());
}
