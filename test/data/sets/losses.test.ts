// What classes lose with clips that break: counted by part and class, and said only where something is lost.
import { describe, expect, it } from "vitest";
import { lossRemarks } from "../../../src/data/sets/labels.js";
import type { Part } from "../../../src/data/types.js";

const clip = (label: number[], part?: Part) => ({ label, ...(part ? { part } : {}) });

describe("lossRemarks", () => {
  it("counts by part and class, and says what a class is left without", () => {
    const clips = [
      ...["train", "train", "valid", "test"].flatMap((part) => [0, 1].map((k) => clip([k], part as Part))),
      clip([2], "train"),
      clip([2], "valid"),
      clip([2], "test"),
    ];
    const task = { kind: "classification", classes: ["blues", "jazz", "rock"], clips } as const;
    expect(lossRemarks(task, [])).toEqual([]);
    expect(lossRemarks(task, [clips[0]])).toEqual(["in the train part blues loses 1 of 2"]);
    expect(lossRemarks(task, [clips[1], clips[8], clips[7]])).toEqual([
      "in the train part jazz loses 1 of 2, rock loses 1 of 1",
      "in the test part jazz loses 1 of 1",
      "no clip of the train part is of rock; clips of them cannot be told",
      "no clip of the test part is of jazz; they are not tested",
    ]);
  });

  it("counts tags, and of numbers nothing", () => {
    const clips = [clip([1, 0], "train"), clip([1, 1], "train"), clip([0, 1], "valid"), clip([1, 1], "test")];
    const tags = { kind: "multilabel", classes: ["loud", "slow"], clips } as const;
    expect(lossRemarks(tags, [clips[1]])).toEqual([
      "in the train part loud loses 1 of 2, slow loses 1 of 1",
      "no clip of the train part has the tags slow; nothing can be learnt of them",
    ]);
    expect(lossRemarks({ ...tags, kind: "regression" }, [clips[1]])).toEqual([]);
  });

  it("knows sets without parts", () => {
    const clips = [clip([0]), clip([0]), clip([1])];
    const task = { kind: "classification", classes: ["a", "b"], clips } as const;
    expect(lossRemarks(task, [clips[1]])).toEqual(["a loses 1 of 2"]);
  });
});
