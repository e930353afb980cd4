// The choice of a GPU by the number among a machine's processes: on made-up machines, and through the variables that choose on this
// one, where it has lavapipe beside the embedded adapter and Mesa's layer.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { unpackEmbeddedDriver } from "../../src/host/node/embedded.js";
import { launchOf } from "../../src/host/node/launch.js";
import {
  gpuOf,
  hasSelectionLayer,
  localChoice,
  usableGpus,
  wordsFor,
} from "../../src/host/node/local-gpu.js";

const scratch = mkdtempSync(join(tmpdir(), "melgrad-gpus-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A root with these files. */
function rootOf(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch, name, path)), { recursive: true });
    writeFileSync(join(scratch, name, path), `${text}\n`);
  }
  return join(scratch, name);
}

const pci = (address: string, kind: string, vendor: string, device: string) => ({
  [`sys/bus/pci/devices/${address}/class`]: kind,
  [`sys/bus/pci/devices/${address}/vendor`]: vendor,
  [`sys/bus/pci/devices/${address}/device`]: device,
});
const nvidia = (address: string, minor: number) => ({
  ...pci(address, "0x030200", "0x10de", "0x2330"),
  [`proc/driver/nvidia/gpus/${address}/information`]: `Model: \t\t NVIDIA H100\nDevice Minor: \t ${minor}`,
});

describe("a machine's GPUs", () => {
  it("are those that this process can open, by address", () => {
    const root = rootOf("eight", {
      ...pci("0000:00:02.0", "0x030000", "0x8086", "0x4680"),
      "sys/bus/pci/devices/0000:00:02.0/drm/renderD128/dev": "226:128",
      "sys/bus/pci/devices/0000:00:02.0/drm/card0/dev": "226:0",
      "dev/dri/renderD128": "",
      ...pci("0000:01:00.0", "0x010802", "0x144d", "0xa80a"), // a disk
      ...nvidia("0000:ca:00.0", 1),
      ...nvidia("0000:17:00.0", 0),
      ...nvidia("0000:65:00.0", 2),
      "dev/nvidia0": "",
      "dev/nvidia1": "", // the scheduler keeps nvidia2 for another job
    });
    expect(usableGpus(root)).toEqual([
      { address: "0000:00:02.0", id: "0x8086:0x4680" },
      { address: "0000:17:00.0", id: "0x10de:0x2330" },
      { address: "0000:ca:00.0", id: "0x10de:0x2330" },
    ]);
    expect(usableGpus(join(scratch, "none"))).toEqual([]);
  });
});

describe("each process of a machine", () => {
  const gpus = [
    { address: "0000:00:02.0", id: "a" },
    { address: "0000:17:00.0", id: "b" },
    { address: "0000:65:00.0", id: "b" },
  ];
  const started = [
    (rank: number) => ({
      OMPI_COMM_WORLD_RANK: String(rank + 4),
      OMPI_COMM_WORLD_SIZE: "8",
      OMPI_COMM_WORLD_LOCAL_RANK: String(rank),
      OMPI_COMM_WORLD_LOCAL_SIZE: "4",
    }),
    (rank: number) => ({
      SLURM_STEP_ID: "0",
      SLURM_PROCID: String(rank + 4),
      SLURM_STEP_NUM_TASKS: "8",
      SLURM_LOCALID: String(rank),
    }),
    (rank: number) => ({
      PMI_RANK: String(rank + 4),
      PMI_SIZE: "8",
      MPI_LOCALRANKID: String(rank),
      MPI_LOCALNRANKS: "4",
    }),
  ];

  it.each(started)("takes the GPU of its number among those of one kind, launcher %#", (environment) => {
    const taken = [0, 1, 2, 3].map((rank) => gpuOf(launchOf(environment(rank)), gpus)?.address);
    expect(taken).toEqual(["0000:17:00.0", "0000:65:00.0", "0000:17:00.0", "0000:65:00.0"]);
    const choose = (rank: number, more = {}, layer = true) =>
      localChoice(
        { ...environment(rank), ...more },
        () => gpus,
        () => layer,
      );
    expect(choose(1)).toEqual(
      process.platform === "linux"
        ? { words: { DRI_PRIME: "pci-0000_65_00_0", MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1" } }
        : {},
    );
    // Somebody else has chosen.
    expect(choose(1, { MESA_VK_DEVICE_SELECT: "10de:2330" })).toEqual({});
    if (process.platform === "linux") {
      expect(choose(1, {}, false).remark).toMatch(
        /share one of its GPUs.*mesa-vulkan-drivers.*--gpus-per-task=1/,
      );
    }
  });

  it("is left to the driver where there is nothing to choose", () => {
    expect(
      localChoice(
        {},
        () => gpus,
        () => true,
      ),
    ).toEqual({});
    expect(
      localChoice(
        started[0](1),
        () => gpus.slice(0, 2),
        () => true,
      ),
    ).toEqual({});
    expect(
      localChoice(
        started[0](1),
        () => [],
        () => true,
      ),
    ).toEqual({});
    const one = { ...started[0](0), OMPI_COMM_WORLD_LOCAL_SIZE: "1" };
    expect(
      localChoice(
        one,
        () => gpus,
        () => true,
      ),
    ).toEqual({});
    expect(wordsFor(gpus[1]).DRI_PRIME).toBe("pci-0000_17_00_0");
  });
});

const lavapipe = ["lvp_icd.json", "lvp_icd.x86_64.json"]
  .map((name) => join("/usr/share/vulkan/icd.d", name))
  .find((path) => existsSync(path));

describe.runIf(lavapipe && hasSelectionLayer())("Mesa's layer", () => {
  it.each([
    ["10005:0", /llvmpipe/],
    ["1ae0:c0de", /SwiftShader/],
  ])("shows Dawn the one device that is named: %s", async (device, name) => {
    const { icd } = await unpackEmbeddedDriver();
    const dawn = JSON.stringify(resolve("node_modules/webgpu/index.js"));
    const script = `const { create } = await import(${dawn});
      await create(["adapter=\\u0001"]).requestAdapter().catch((error) => console.log(error.message.match(/name: '.*'/g).join()));
      process.exit(0);`;
    const drivers = `${lavapipe}:${icd}`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      env: {
        ...process.env,
        VK_ICD_FILENAMES: drivers,
        VK_DRIVER_FILES: drivers,
        MESA_VK_DEVICE_SELECT: device,
        MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1",
      },
    });
    expect(stdout, stderr).toMatch(name);
    expect(stdout.match(/name: /g)).toHaveLength(1);
  });
});
