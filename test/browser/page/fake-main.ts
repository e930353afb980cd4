// The page on the made-up engine; what it does is set by `globalThis.fakeOptions` before it loads.
import { startPage } from "../../../web/page.js";
import { type FakeOptions, fakeEngine } from "./fake-engine.js";

const given = (globalThis as { fakeOptions?: FakeOptions }).fakeOptions;
const engine = fakeEngine(given);
Object.assign(globalThis, { app: startPage(engine) });
