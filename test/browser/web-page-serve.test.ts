// `npm run web`: builds, serves on this machine with the page's policy, moves on from a taken port, gives no file outside the build.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, expect, test } from "vitest";

let server: ChildProcess | undefined;
afterEach(() => {
  server?.kill();
});

/** Starts the server and gives the address that it prints. */
function serve(...args: string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ["web/serve.mjs", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    server = child;
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        output += data;
        const address = /http:\/\/localhost:\d+/.exec(output)?.[0];
        if (address) done(address);
      });
    }
    child.on("close", (code) => fail(new Error(`ended with ${code}: ${output}`)));
  });
}

/** The path as it is written: fetch would resolve its dots. */
function statusOf(address: string, path: string, host?: string): Promise<number | undefined> {
  return new Promise((done, fail) => {
    const { hostname, port } = new URL(address);
    const headers = host === undefined ? {} : { host };
    request({ host: hostname === "localhost" ? "127.0.0.1" : hostname, port, path, headers }, (response) => {
      response.resume();
      done(response.statusCode);
    })
      .on("error", fail)
      .end();
  });
}

test("serves the page beside a taken port", async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  const { port } = taken.address() as AddressInfo;
  const address = await serve("--port", String(port));
  taken.close();
  expect(Number(new URL(address).port)).toBeGreaterThan(port);

  const local = address.replace("localhost", "127.0.0.1");
  const page = await fetch(`${local}/`);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = page.headers.get("content-security-policy");
  expect(policy).toMatch(
    /^default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:/,
  );
  const html = await page.text();
  expect(html).toContain(`content="${policy}"`);
  expect(html).not.toMatch(/https?:\/\//);

  for (const path of ["/main.js", "/style.css", "/icon.svg", "/worker/main.js"]) {
    const file = await fetch(local + path);
    expect([path, file.status]).toEqual([path, 200]);
    expect(file.headers.get("content-security-policy")).toBe(policy);
    const tag = file.headers.get("etag") ?? "";
    await file.arrayBuffer();
    const again = await fetch(local + path, { headers: { "if-none-match": tag } });
    expect(again.status).toBe(304);
  }
  for (const path of ["/../../package.json", "/..%2f..%2fpackage.json", "/missing.js", "/worker"]) {
    expect([path, await statusOf(address, path)]).toEqual([path, 404]);
  }
  expect(await statusOf(address, "/%")).toBe(400);

  // On loopback alone, and under its own name alone.
  const { port: own } = new URL(address);
  expect(await statusOf(address, "/", `localhost:${own}`)).toBe(200);
  for (const host of ["music.example", `music.example:${own}`, "localhost.music.example"]) {
    expect([host, await statusOf(address, "/", host)]).toEqual([host, 421]);
  }
  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .filter((each) => each?.family === "IPv4" && !each.internal)
    .map((each) => each?.address ?? "");
  // All of 127.0.0.0/8 is this machine on Linux: a server that listens everywhere answers there.
  for (const host of [...elsewhere, ...(process.platform === "linux" ? ["127.0.0.2"] : [])]) {
    await expect(statusOf(`http://${host}:${own}`, "/"), host).rejects.toThrow(/ECONNREFUSED/);
  }
});

test("refuses a port that is none", async () => {
  await expect(serve("--port", "many")).rejects.toThrow(
    /ended with 2: --port takes a number from 0 to 65535/,
  );
});
