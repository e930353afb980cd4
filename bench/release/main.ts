// `npm run release:model -- RUN`: makes models/NAME from a run's folder and makes it the default; with --cards it prints the cards of all
// released models anew, and with --scores alone it gives a released model other scores. The work is in release.ts.
import { join } from "node:path";
import { Command } from "commander";
import { DataError, UsageError } from "../../src/gpu/errors.js";
import { modelsFolder, releasedModels } from "../../src/train/released.js";
import { formatNumber } from "../../src/train/report/html.js";
import { runTool } from "../tool.js";
import { checkRelease, release, scoreAnew, writeCard } from "./release.js";

interface Options {
  name: string;
  scores?: string;
  arm?: string;
  cards?: boolean;
  models?: string;
}

const command = new Command("release:model")
  .description("make a released model of a run's folder, or print the cards of those that there are anew")
  .argument("[run]", "the run's folder; without one, --scores are given to the model NAME")
  .option("--name <name>", "what the model is called", "patchifier-demo")
  .option(
    "--scores <file>",
    "a table of melgrad probe --json, or the study's results (default: the run's probe.json)",
  )
  .option("--arm <name>", "the arm of the study's results that the model is")
  .option("--models <folder>", "the folder of released models (default: the package's models/)")
  .option("--cards", "print the cards anew from their files")
  .action(main);
await runTool(command);

async function main(run: string | undefined, options: Options): Promise<void> {
  const models = options.models ?? modelsFolder();
  if (models === undefined)
    throw new DataError("The package's folder is not to be found: write --models FOLDER.");
  if (options.cards) {
    for (const name of (await releasedModels(models)).names) {
      await writeCard(join(models, name));
      await checkRelease(join(models, name));
      console.log(join(models, name, "README.md"));
    }
    return;
  }
  const { name, scores, arm } = options;
  if (run === undefined && scores !== undefined) {
    await scoreAnew({ models, name, scores, arm });
    await checkRelease(join(models, name));
    console.log(join(models, name, "README.md"));
    return;
  }
  if (run === undefined) throw new UsageError("Say which run: npm run release:model -- RUN_FOLDER.");
  const { weights, training } = await release({ run, models, name, scores, arm });
  await checkRelease(join(models, name));
  console.log(
    `${join(models, name)}: ${formatNumber(weights.parameters, 12)} parameters, ${weights.bytes} bytes, ${training.steps} steps; it is the default now`,
  );
}
