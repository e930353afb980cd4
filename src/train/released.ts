// The models that come with the package, in its models/: which there are, which one is taken where none is named, and which folder a
// word on the command line means. Not here: reading a model's files (load-model.ts), or making such a folder (bench/release).
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DataError, UsageError } from "../gpu/errors.js";
import { exists } from "../host/cache.js";

/** The word that means the model which is taken where none is named. */
export const pretrainedWord = "pretrained";

/** Beside the models' folders: which of them is taken where none is named. */
export const indexName = "index.json";

/** A model that was asked for by a word. */
export interface ChosenModel {
  folder: string;
  /** Its name, where it is a released one. */
  released?: string;
}

/** The folder of released models: MELGRAD_MODELS, else the package's own; undefined where the package's folder is not to be found. */
export function modelsFolder(): string | undefined {
  if (process.env.MELGRAD_MODELS) return process.env.MELGRAD_MODELS;
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    if (isPackage(join(at, "package.json"))) return join(at, "models");
  }
  return undefined;
}

function isPackage(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { name?: unknown }).name === "melgrad";
  } catch {
    return false;
  }
}

/** Names of the released models, and which is taken where none is named. Throws DataError where the list is damaged. */
export async function releasedModels(
  folder = modelsFolder(),
): Promise<{ names: string[]; usual: string | undefined }> {
  if (folder === undefined) return { names: [], usual: undefined };
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && (await exists(join(folder, entry.name, "config.json"))))
      names.push(entry.name);
  }
  names.sort();
  const index = join(folder, indexName);
  if (!(await exists(index))) return { names, usual: undefined };
  let usual: unknown;
  try {
    usual = (JSON.parse(readFileSync(index, "utf8")) as { default?: unknown }).default;
  } catch {
    throw new DataError(`${index} is damaged: it is not JSON.`);
  }
  if (typeof usual !== "string" || !names.includes(usual)) {
    throw new DataError(`${index} names a model that is not there: ${JSON.stringify(usual)}.`);
  }
  return { names, usual };
}

/**
 * The folder that `word` means: a folder by its path, a released model by its name, and by `pretrained`, or where nothing is said, the
 * released model that is the default. Throws UsageError where there is none. What is in the folder is not looked at.
 */
export async function chooseModel(word?: string): Promise<ChosenModel> {
  const folder = modelsFolder();
  if (word !== undefined && word !== pretrainedWord) {
    const isName = !/[\\/]/.test(word) && !(await exists(word));
    if (!isName || folder === undefined) return { folder: word };
    const { names } = await releasedModels(folder);
    return names.includes(word) ? { folder: join(folder, word), released: word } : { folder: word };
  }
  const { names, usual } = await releasedModels(folder);
  if (folder === undefined || usual === undefined) {
    const others = names.length > 0 ? ` (${names.join(", ")} are there by name)` : "";
    throw new UsageError(
      `No released model comes with this copy of melgrad${others}: name a run's folder, such as runs/NAME, that melgrad train made.`,
    );
  }
  return { folder: join(folder, usual), released: usual };
}

/** Which model is used, and how another is, in a line; undefined where the person named a folder. */
export function modelLine({ released }: ChosenModel): string | undefined {
  return released && `model: ${released}, released with melgrad (--checkpoint FOLDER takes another)`;
}
