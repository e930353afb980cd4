// The profiles: kinds of adapter that kernels must be right on, made from the adapter at hand by taking away what others lack, by
// reporting what others report, or by running its kernels as others would. Everything is changed at the device or in the
// shader's text; the engine's own description of the device follows from that.
import type { DeviceOptions } from "../../src/gpu/device.js";
import type { Less } from "../support/adapters.js";
import { emulateLanes } from "./emulated-lanes.js";
import { permuteInvocations } from "./permuted.js";

export interface Profile {
  name: string;
  /** For the table in docs/browsers.md. */
  about: string;
  /** What the adapter offers and says; absent: the ordinary `open()`, measured tables included. */
  less?: Less;
  rewrite?: DeviceOptions["rewrite"];
  /** Dawn's toggles beside the ordinary ones. */
  toggles?: { enable: readonly string[]; disable: readonly string[] };
  /** Memory is poisoned (poisoned-memory.ts), and steps run eagerly, so that theirs is. */
  poisoned?: boolean;
}

const nothing: Less = { without: "all", defaultLimits: true, withoutLanguage: ["immediate_address_space"] };
const hardware = { options: { software: false } };
const sizes = (subgroupMinSize: number, subgroupMaxSize: number): Less => ({
  info: { subgroupMinSize, subgroupMaxSize },
  ...hardware,
});

export const profiles: readonly Profile[] = [
  { name: "full", about: "the adapter as it is" },
  {
    name: "minimum",
    about: "WebGPU's default limits, no optional feature, no immediates; kernels as for hardware",
    less: { ...nothing, ...hardware },
  },
  {
    name: "software minimum",
    about: "the same; kernels as for a software adapter",
    less: { ...nothing, options: { software: true } },
  },
  { name: "range 4–32", about: "subgroup sizes reported as 4 to 32, as by Intel", less: sizes(4, 32) },
  { name: "range 4–128", about: "subgroup sizes reported as 4 to 128, as by a browser", less: sizes(4, 128) },
  {
    name: "lanes 32",
    about: "subgroups of 32, emulated in workgroup memory",
    less: sizes(32, 32),
    rewrite: emulateLanes(32),
  },
  {
    name: "lanes 64",
    about: "subgroups of 64, emulated in workgroup memory",
    less: sizes(64, 64),
    rewrite: emulateLanes(64),
  },
  {
    name: "permuted",
    about: "`minimum` with invocations in reverse order",
    less: { ...nothing, ...hardware },
    rewrite: permuteInvocations,
  },
  {
    name: "dirty",
    about: "memory full of NaN, workgroup memory not cleared, the room behind every tensor watched",
    less: {},
    toggles: {
      enable: ["disable_workgroup_init", "nonzero_clear_resources_on_creation_for_testing"],
      disable: ["lazy_clear_resource_on_first_use"],
    },
    poisoned: true,
  },
];
