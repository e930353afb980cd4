// Builds the browser app and serves it on this machine alone: `npm run web`, `npm run web -- --port 9000`. A taken port gives way to
// the next. Files are sent with the page's own content security policy, so that its worker is bound by it too.
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { buildWeb, defaultFolder } from "./build.mjs";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".map": "application/json",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

let port = 8173;
try {
  const { values } = parseArgs({ options: { port: { type: "string" } } });
  if (values.port !== undefined) port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`--port takes a number from 0 to 65535, not "${values.port}".`);
  }
} catch (error) {
  console.error(error.message);
  process.exit(2);
}

await buildWeb();
const root = resolve(defaultFolder);
const policy = /Content-Security-Policy"\s+content="([^"]+)"/.exec(
  readFileSync(join(root, "index.html"), "utf8"),
)?.[1];

const server = createServer((request, response) => {
  // Another site may resolve its own name to this machine and read what is here as its own: it must be asked for as this machine.
  const host = (request.headers.host ?? "").replace(/:\d+$/, "");
  if (!["localhost", "127.0.0.1"].includes(host)) return void response.writeHead(421).end("not this host");
  if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
  let path;
  try {
    path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
  } catch {
    return void response.writeHead(400).end();
  }
  const file = resolve(root, `.${path === "/" ? "/index.html" : path}`);
  const found = file.startsWith(root + sep) ? statSync(file, { throwIfNoEntry: false }) : undefined;
  if (!found?.isFile()) return void response.writeHead(404).end("not found");
  const tag = `"${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}"`;
  const headers = {
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
    etag: tag,
  };
  if (request.headers["if-none-match"] === tag) return void response.writeHead(304, headers).end();
  response.writeHead(200, { ...headers, "content-length": found.size });
  if (request.method === "HEAD") return void response.end();
  createReadStream(file)
    .on("error", () => response.destroy())
    .pipe(response);
});

function listen() {
  server.listen(port, "127.0.0.1");
}
server.on("error", (error) => {
  if (error.code !== "EADDRINUSE" || port >= 65535) {
    console.error(error.message);
    process.exit(1);
  }
  port++;
  listen();
});
server.on("listening", () => {
  console.log(`melgrad in the browser: http://localhost:${server.address().port} (Ctrl-C ends)`);
});
listen();
