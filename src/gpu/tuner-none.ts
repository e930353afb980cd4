// Stands in for tuner.ts where the engine is built alone: no tables, nothing is measured, every kernel is the rule's. Those for
// subgroup matrices, which browsers have behind a switch only, are left out (scripts/browser-bundle.mjs).
import type { Capabilities } from "./capabilities.js";
import type { Tuner as FullTuner, TunedFamily, Used } from "./tuner.js";

export class Tuner
  implements Pick<FullTuner, "mode" | "notes" | "choose" | "used" | "capabilities" | "instead">
{
  readonly mode = "off";
  readonly notes: string[] = [];

  readonly capabilities: Capabilities;

  constructor(capabilities: Capabilities) {
    this.capabilities = { ...capabilities, subgroupMatrices: [] };
  }

  choose<Case, Choice>(family: Pick<TunedFamily<Case, Choice>, "rule">, shape: Case): Choice {
    return family.rule(this.capabilities, shape);
  }

  used(): Used[] {
    return [];
  }

  instead(): undefined {}
}
