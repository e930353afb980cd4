// The page's side of the comparison with Node.
import { open } from "../../src/index.js";
import { type RunOptions, TrainingRun } from "./training.js";

let run: TrainingRun | undefined;

export async function start(options: RunOptions): Promise<string> {
  const gpu = await open();
  run = new TrainingRun(gpu, options);
  await run.trainer.prepare();
  const { adapterName, immediates } = gpu.device.capabilities;
  return `${adapterName}, parameters by ${immediates ? "immediates" : "uniform buffer"}`;
}

export function current(): TrainingRun {
  if (!run) throw new Error("start() first");
  return run;
}

export function stop(): void {
  run?.trainer.dispose();
  run?.gpu.close();
  run = undefined;
}
