// Who started a process among how many, by what the launchers leave in the environment; and what is built from the four calls of a
// group: sharing, gathering.
import { describe, expect, it } from "vitest";
import { gather, share, shareBytes } from "../../src/host/group.js";
import { launchOf, shardHere } from "../../src/host/node/launch.js";
import { groupsOf } from "../support/group.js";

describe("launchOf", () => {
  it("knows Open MPI, MPICH and a step of Slurm", () => {
    const open = { OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_LOCAL_RANK: "1" };
    expect(launchOf(open)).toMatchObject({ rank: 1, size: 4, localRank: 1, by: "Open MPI" });
    expect(launchOf({ PMI_RANK: "2", PMI_SIZE: "3" })).toMatchObject({
      rank: 2,
      size: 3,
      localRank: 0,
      by: "MPICH",
    });
    const slurm = { SLURM_PROCID: "3", SLURM_STEP_NUM_TASKS: "8", SLURM_LOCALID: "1" };
    expect(launchOf({ ...slurm, SLURM_STEP_ID: "0" })).toMatchObject({
      rank: 3,
      size: 8,
      localRank: 1,
      by: "Slurm",
    });
  });

  it("takes a batch script for what it is, one process", () => {
    expect(launchOf({ SLURM_PROCID: "0", SLURM_NTASKS: "8", SLURM_JOB_ID: "7" })).toBeUndefined();
    expect(launchOf({})).toBeUndefined();
    expect(launchOf({ PMI_RANK: "3", PMI_SIZE: "3" })).toBeUndefined();
    expect(launchOf({ PMI_RANK: "", PMI_SIZE: "x" })).toBeUndefined();
  });
});

describe("shardHere", () => {
  it("is the rank, or the place in a job array", () => {
    expect(shardHere({ OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "4" })).toEqual({
      index: 1,
      count: 4,
    });
    const array = {
      SLURM_ARRAY_TASK_ID: "14",
      SLURM_ARRAY_TASK_MIN: "10",
      SLURM_ARRAY_TASK_STEP: "2",
      SLURM_ARRAY_TASK_COUNT: "4",
    };
    expect(shardHere(array)).toEqual({ index: 2, count: 4 });
    expect(shardHere({})).toBeUndefined();
    expect(shardHere({ OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "1" })).toBeUndefined();
  });
});

describe("a group", () => {
  it("shares what the first has, and asks no other", async () => {
    const asked: number[] = [];
    const shared = await Promise.all(
      groupsOf(3).map((group) =>
        share(group, () => {
          asked.push(group.rank);
          return { text: "grüße", empty: undefined };
        }),
      ),
    );
    expect(asked).toEqual([0]);
    expect(shared).toEqual(Array.from({ length: 3 }, () => ({ text: "grüße" })));
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
    const all = await Promise.all(
      groupsOf(2).map((group) => shareBytes(group, group.rank === 0 ? bytes : undefined)),
    );
    expect(all[1]).toEqual(bytes);
  });

  it("gathers what each has, in order, whatever its length", async () => {
    const texts = ["", "ä".repeat(3), "long ".repeat(500)];
    const all = await Promise.all(groupsOf(3).map((group) => gather(group, texts[group.rank])));
    for (const one of all) expect(one).toEqual(texts);
  });
});
