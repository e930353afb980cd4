// What several processes that train one model must agree on: the adapter, the state that they begin with, and, at every checkpoint, the
// weights that each has come to. Not here: the exchange of gradients (gradient-exchange.ts).
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { DataError, UsageError } from "../gpu/errors.js";
import { gather, type ProcessGroup, share, shareBytes } from "../host/group.js";
import type { NamedValues } from "../nn/parameters.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Trainer } from "./trainer.js";
import { deserialise, serialise } from "./weights.js";

/** Throws UsageError that names the first process whose adapter is not that of the first: its numbers would drift from the others'. */
export async function checkAdapters(gpu: Gpu, group: ProcessGroup): Promise<void> {
  const { adapterName } = gpu.device.capabilities;
  const all = await gather(group, { host: hostname(), adapter: adapterName });
  const other = all.findIndex(({ adapter }) => adapter !== all[0].adapter);
  if (other < 0) return;
  throw new UsageError(
    `Rank ${other} on ${all[other].host} computes on ${all[other].adapter}, but rank 0 on ${all[0].host} on ${all[0].adapter}: ` +
      "processes that train together need adapters of one kind (--adapter NAME, or a GPU for each from the scheduler).",
  );
}

/** Gives every process the first one's weights, moments and step, and what its objective keeps. */
export async function shareState(trainer: Trainer, group: ProcessGroup): Promise<void> {
  const lead = group.rank === 0;
  const { parameters } = trainer.model;
  const step = await share(group, () => trainer.step);
  const pass = async (what: string, read: () => Promise<NamedValues>): Promise<NamedValues> => {
    const bytes = await shareBytes(group, lead ? serialise(await read()) : undefined);
    return lead ? new Map() : deserialise(bytes, what);
  };
  const weights = await pass("the first process's weights", () => parameters.read());
  const moments = await pass("the first process's moments", () => trainer.optimizer.state());
  const kept = trainer.objective.state
    ? await pass(
        "the first process's objective",
        async () => (await trainer.objective.state?.()) ?? new Map(),
      )
    : undefined;
  if (lead) return;
  parameters.write(weights);
  trainer.optimizer.restore(moments, step);
  if (kept) trainer.objective.restore?.(kept);
}

/** Throws DataError that names the first process whose weights are not those of the first to the last bit. */
export async function checkWeights(weights: NamedValues, group: ProcessGroup): Promise<void> {
  const hash = createHash("sha256");
  for (const { data } of weights.values())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const all = await gather(group, { host: hostname(), digest: hash.digest("hex") });
  const other = all.findIndex(({ digest }) => digest !== all[0].digest);
  if (other < 0) return;
  throw new DataError(
    `Rank ${other} on ${all[other].host} has come to other weights than rank 0 on ${all[0].host}, though both got the same gradients: ` +
      "one of their adapters or drivers computes wrongly. Nothing was saved of this step; go on with --resume without that machine.",
  );
}
