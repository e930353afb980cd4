// Pages of a real browser for tests (which one: browsers.ts), and a small static server on 127.0.0.1. It knows nothing of what is
// tested.
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Browser, Page } from "playwright-core";
import { browserKind, launch } from "./browsers.js";

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
  if (browserKind === "firefox") {
    // Chromium says so on its console.
    page.on(
      "response",
      (answer) => answer.status() >= 400 && errors.push(`${answer.url()}: ${answer.status()}`),
    );
  }
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
