// The paragraph that says why features are not ahead of random weights: when it stands, and that its numbers are the run's.
import { describe, expect, it } from "vitest";
import { whyNotAhead } from "../../src/train/bounds.js";
import type { ProbeTask } from "../../src/train/report/types.js";

const heard = { steps: 400, batch: 16, cropSeconds: 8.192, hours: 2, pieces: 61 };

/** A task in which pre-training is at least `low` ahead of random weights, and far ahead of chroma. */
function task(name: string, low: number): ProbeTask {
  const contrast = (against: string, least: number) => ({
    ...{ against, difference: least + 0.05, halfWidth: 0.05, detectable: 0.0715, p: least > 0 ? 0.001 : 0.5 },
    ci95: [least, least + 0.1] as [number, number],
  });
  return {
    ...{ task: name, metric: "accuracy", note: "", higherIsBetter: true, classes: 2, seeds: 1 },
    ...{ trainClips: 8, testClips: 2, testPieces: 2, rows: [], interval: "families" },
    contrasts: [contrast("random", low), contrast("chroma", 0.3)],
  } as ProbeTask;
}

describe("whyNotAhead", () => {
  it("says what was heard and what can be seen, where half of the tasks or fewer are won", () => {
    const why = whyNotAhead({ tasks: [task("key", -0.01), task("instruments", 0.01)] }, heard);
    expect(why).toContain("6,400 crops of 8.2 s in 400 steps");
    expect(why).toContain("61 pieces (2 hours) 7.3 times over");
    expect(why).toContain("0.071 (key) and 0.071 (instruments)");
    expect(why).toContain("--init pretrained");
  });

  it("is silent where most are won, and where nothing was compared", () => {
    expect(whyNotAhead({ tasks: [task("key", 0.01)] }, heard)).toBeUndefined();
    expect(
      whyNotAhead({ tasks: [task("a", 0.01), task("b", -0.1), task("c", 0.02)] }, heard),
    ).toBeUndefined();
    expect(whyNotAhead({ tasks: [{ ...task("key", -1), contrasts: undefined }] }, heard)).toBeUndefined();
  });
});
