// The benchmark of features runs and its numbers hang together; how fast it was does not matter here.
import { describe, expect, it } from "vitest";
import { featureLegend, featurePlans, featureTable, measureFeatures } from "../../src/bench/features.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();

describe("the features suite", () => {
  it("measures throughput and how busy the adapter is", { timeout: 120_000 }, async () => {
    const [plan] = featurePlans({ software: true });
    const rows = await measureFeatures(gpu(), [{ ...plan, files: 4, seconds: 3 }]);
    expect(rows).toHaveLength(1);
    const [row] = rows;
    expect(row).toMatchObject({ name: "features_demo", files: 4 });
    expect(row.audioSeconds).toBeCloseTo(12, 5);
    expect(row.hoursAnHour).toBeCloseTo(row.audioSeconds / row.seconds, 10);
    expect(row.decodeHoursAnHour).toBeGreaterThan(0);
    expect(row.busy).toBeGreaterThan(0);
    expect(row.busy).toBeLessThanOrEqual(1);
    expect(featureTable(rows)).toMatch(/^features_demo +4 +0\.2 /m);
    expect(featureLegend({ software: true })).toMatch(/share \d+ cores/);
    expect(featureLegend({ software: false })).not.toMatch(/share \d+ cores/);
  });

  it("takes larger models on hardware", () => {
    expect(featurePlans({ software: false }).map(({ preset }) => preset)).toEqual(["demo", "small", "base"]);
  });
});
