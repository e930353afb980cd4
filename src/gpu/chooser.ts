// What a device asks where several kernels compute the same: which one to take, and whether one was found to compute wrongly. Alone
// it takes each family's rule and trusts every kernel; a tuner (tuner.ts), given to `Device.open`, knows more.
import type { Capabilities } from "./capabilities.js";
import type { Defines, ExpandedShader } from "./preprocess.js";

/** Kernels that compute the same, as an operation asks for one of them. */
export interface KernelFamily<Case, Choice> {
  /** A tuner knows the rest of the family by it. */
  readonly name: string;
  /** The choice where nothing was measured. Pure. */
  rule(capabilities: Capabilities, shape: Case): Choice;
}

/** A kernel that is built in place of another. */
export interface SerialBuild {
  /** What it is known by. */
  key: string;
  /** What it is built with. */
  defines: Defines;
  /** Its text. */
  text: ExpandedShader;
}

/** What a device is told of kernels. */
export interface Chooser {
  /** The choice for a case. */
  choose<Case, Choice>(family: KernelFamily<Case, Choice>, shape: Case): Choice;
  /** What may be taken in place of the choice for a case, the likeliest first. */
  others<Case, Choice>(family: KernelFamily<Case, Choice>, shape: Case): Choice[];
  /** Why a kernel, by its key, must not be taken here, if so. */
  wrong(key: string): string | undefined;
  /** What is built in place of a kernel that is wrong here. */
  instead(key: string, shader: string, defines: Defines): SerialBuild | undefined;
}

/** Every kernel by its rule. */
export const byRule = (capabilities: Capabilities): Chooser => ({
  choose: (family, shape) => family.rule(capabilities, shape),
  others: () => [],
  wrong: () => undefined,
  instead: () => undefined,
});
