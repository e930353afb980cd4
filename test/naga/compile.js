// Compiles shaders by naga, WebGPU's other compiler, for naga.test.ts: run by Deno, whose WebGPU it is. Takes a file with a list of
// { key, code } as JSON; prints a line of JSON: the adapter, and what is wrong with which shader.
const shaders = JSON.parse(await Deno.readTextFile(Deno.args[0]));
const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) throw new Error("there is no adapter");
const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize, maxStorageBuffersPerShaderStage } =
  adapter.limits;
const device = await adapter.requestDevice({
  requiredFeatures: ["subgroups", "shader-f16"].filter((name) => adapter.features.has(name)),
  requiredLimits: {
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: adapter.limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupSizeY: adapter.limits.maxComputeWorkgroupSizeY,
    maxComputeWorkgroupStorageSize,
    maxStorageBuffersPerShaderStage,
  },
});
const wrong = [];
for (const { key, code } of shaders) {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const error = await device.popErrorScope();
  if (error) wrong.push({ key, message: error.message });
}
const { description, vendor } = adapter.info;
const features = [...adapter.features];
const result = {
  adapter: description || vendor,
  features,
  limits: { maxComputeInvocationsPerWorkgroup },
  wrong,
};
console.log(JSON.stringify(result));
