// What a device can do, in the terms that kernels choose by. Read once from the adapter; no decisions here.

/** Sizes of a subgroup matrix product with f16 operands and f32 results: [m, k] by [k, n]. */
export interface SubgroupMatrix {
  /** Rows of the result. */
  m: number;
  /** Columns of the result. */
  n: number;
  /** Length of the summed axis. */
  k: number;
}

/** What a device can do, read once when it is opened; kernels are chosen by it. */
export interface Capabilities {
  /** The adapter's name and driver, for people. */
  adapterName: string;
  /** A CPU that pretends to be a GPU (SwiftShader, lavapipe, WARP). */
  software: boolean;
  /** `var<immediate>` parameters; otherwise a uniform buffer carries them. */
  immediates: boolean;
  /** The browser and its version, where kernels go through its compiler and driver. */
  runtime?: string;
  /** What the adapter offers and is not trusted with, in a line each. */
  distrusted?: readonly string[];
  /** Whether kernels may share values within a subgroup. */
  subgroups: boolean;
  /** The fewest invocations of a subgroup; 1 without subgroups. */
  subgroupMinSize: number;
  /** The most invocations of a subgroup; 1 without subgroups. */
  subgroupMaxSize: number;
  /** Whether tensors may be f16. */
  f16: boolean;
  /** Products that subgroups do in hardware (tensor cores), f16 to f32 only; none for most adapters. */
  subgroupMatrices?: readonly SubgroupMatrix[];
  /** Whether passes can be timed on the device. */
  timestamps: boolean;
  /** Invocations of a workgroup, at most. */
  maxInvocations: number;
  /** Bytes of workgroup memory, at most. */
  maxWorkgroupStorage: number;
  /** Bytes that one binding may span. */
  maxBindingBytes: number;
  /** Bytes of a buffer, at most. */
  maxBufferBytes: number;
  /** Buffers that a kernel may bind. */
  maxStorageBindings: number;
}

/** Newer than the published types. */
const subgroupMatrix = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/** The features that melgrad asks for where the adapter has them. */
export const wantedFeatures: readonly GPUFeatureName[] = [
  "subgroups",
  "shader-f16",
  "timestamp-query",
  subgroupMatrix,
];

/** The limits that melgrad asks for at the adapter's maximum (a device's defaults are the guaranteed minimum). */
export const wantedLimits = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBuffersPerShaderStage",
] as const;

/** Describes an opened device. `languageFeatures` is `gpu.wgslLanguageFeatures`. */
export function readCapabilities(
  device: GPUDevice,
  info: GPUAdapterInfo,
  languageFeatures: ReadonlySet<string>,
  options: { adapterName: string; software: boolean; immediates?: boolean; runtime?: string },
): Capabilities {
  const subgroups = device.features.has("subgroups");
  return {
    adapterName: options.adapterName,
    software: options.software,
    immediates: (options.immediates ?? true) && hasImmediates(device, languageFeatures),
    runtime: options.runtime,
    subgroups,
    subgroupMinSize: subgroups ? (info.subgroupMinSize ?? 4) : 1,
    subgroupMaxSize: subgroups ? (info.subgroupMaxSize ?? 128) : 1,
    f16: device.features.has("shader-f16"),
    subgroupMatrices: device.features.has(subgroupMatrix) ? subgroupMatricesOf(info) : [],
    timestamps: device.features.has("timestamp-query"),
    maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: device.limits.maxComputeWorkgroupStorageSize,
    maxBindingBytes: device.limits.maxStorageBufferBindingSize,
    maxBufferBytes: device.limits.maxBufferSize,
    maxStorageBindings: device.limits.maxStorageBuffersPerShaderStage,
  };
}

/** Takes a feature away that the device has, with the reason. */
export function distrust(capabilities: Capabilities, feature: "subgroups" | "f16", reason: string): void {
  const without = {
    subgroups: { subgroups: false, subgroupMinSize: 1, subgroupMaxSize: 1 },
    f16: { f16: false },
  };
  const { distrusted = [] } = capabilities;
  Object.assign(capabilities, without[feature], {
    subgroupMatrices: [],
    distrusted: [...distrusted, `${feature} of this adapter is not used: ${reason}.`],
  });
}

/** Parameters of a kernel: sixteen words. */
const immediateBytes = 64;

/** The language, the limit and the method came at different times. */
function hasImmediates(device: GPUDevice, languageFeatures: ReadonlySet<string>): boolean {
  const { maxImmediateSize = 0 } = device.limits as { maxImmediateSize?: number };
  if (!languageFeatures.has("immediate_address_space") || maxImmediateSize < immediateBytes) return false;
  const pass = device.createCommandEncoder().beginComputePass();
  pass.end();
  return "setImmediates" in pass;
}

/** As Dawn describes an adapter's subgroup matrices. */
interface MatrixConfig {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/** Those with f16 operands and f32 results. */
export function subgroupMatricesOf(
  info: GPUAdapterInfo & { subgroupMatrixConfigs?: readonly MatrixConfig[] },
): SubgroupMatrix[] {
  return (info.subgroupMatrixConfigs ?? [])
    .filter(
      ({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32",
    )
    .map(({ M, N, K }) => ({ m: M, n: N, k: K }));
}

/** The size of a subgroup, where it is always the same one and one that kernels for exact sizes can be built for. */
export function exactLanes({
  subgroups,
  subgroupMinSize: lanes,
  subgroupMaxSize,
}: Pick<Capabilities, "subgroups" | "subgroupMinSize" | "subgroupMaxSize">): 4 | 8 | 16 | undefined {
  const exact = subgroups && lanes === subgroupMaxSize;
  return exact && (lanes === 4 || lanes === 8 || lanes === 16) ? lanes : undefined;
}
