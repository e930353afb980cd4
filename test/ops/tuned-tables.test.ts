// The tables of kernels that are shipped: they must have been measured with the shaders as they are, name kernels that exist,
// and be found by the adapters that they are for. After a change of a tuned family's shaders: npm run tune.
import { transform } from "esbuild";
import { describe, expect, it } from "vitest";
import { shippedSource } from "../../src/cli/tuning.js";
import type { Capabilities } from "../../src/gpu/capabilities.js";
import { Tuner } from "../../src/gpu/tuner.js";
import { shippedFor, shippedTables } from "../../src/ops/tuned/index.js";
import type { ShippedTable } from "../../src/ops/tuned/table.js";
import { tunables } from "../../src/ops/tuning-families.js";

/** An adapter of the kind that a table is for. */
function adapterOf({ adapter, lanes }: ShippedTable): Capabilities {
  return {
    adapterName: `${adapter} (some driver)`,
    software: true,
    immediates: true,
    subgroups: lanes > 1,
    subgroupMinSize: lanes,
    subgroupMaxSize: lanes,
    f16: true,
    timestamps: false,
    maxInvocations: 256,
    maxWorkgroupStorage: 16384,
    maxBindingBytes: 2 ** 27,
    maxBufferBytes: 2 ** 28,
    maxStorageBindings: 8,
  };
}

describe.each(shippedTables)("$adapter, subgroups of $lanes", (table) => {
  const capabilities = adapterOf(table);
  const tuner = new Tuner(capabilities);
  tuner.ship(table.families);

  it("is found by its adapters, and by no other size of subgroup", () => {
    expect(shippedFor(capabilities)).toBe(table);
    expect(shippedFor({ ...capabilities, subgroupMinSize: 32, subgroupMaxSize: 32 })).toBeUndefined();
    expect(shippedFor({ ...capabilities, adapterName: "another" })).toBeUndefined();
  });

  it("was measured with these shaders: otherwise run npm run tune", () => {
    expect(
      tunables.flatMap(({ family }) => (tuner.outdated(family).length > 0 ? [family.name] : [])),
    ).toEqual([]);
  });

  it("names kernels that exist, and gains that are gains", () => {
    for (const [name, { entries }] of Object.entries(table.families)) {
      const family = tunables.map((each) => each.family).find((each) => each.name === name);
      for (const [bucket, [choice, gain]] of Object.entries(entries)) {
        expect(
          choice === "" || family?.parse(choice, capabilities),
          `${name} ${bucket}: ${choice}`,
        ).toBeTruthy();
        expect(gain).toBeGreaterThanOrEqual(1);
      }
    }
  });
});

it("a table is written as the source that it is read from", async () => {
  const tuner = new Tuner(adapterOf(shippedTables[0]));
  const [{ family }] = tunables;
  tuner.put(family, '1.2 "odd"', undefined, 1);
  tuner.put(family, "3.4", family.rule(tuner.capabilities, { m: 64, n: 64, k: 64 } as never), 1.5);
  const { code } = await transform(shippedSource(tuner, "written"), { loader: "ts" });
  const { written } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    written: ShippedTable;
  };
  expect(written.families).toEqual(tuner.measurements);
  expect(shippedFor(tuner.capabilities, [written])).toBe(written);
});

it("there is one table for an adapter", () => {
  const names = shippedTables.map(({ adapter, lanes }) => `${adapter} ${lanes}`);
  expect(new Set(names).size).toBe(names.length);
});
