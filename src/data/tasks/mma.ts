// Runs Debian's `mma` (an arranger: chords and a style file in, a MIDI file out) unpacked in the cache, with the machine's
// Python, or with Debian's own unpacked beside it where there is none or where mma does not run with it.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, runCommand } from "../../host/command.js";
import type { PackageClient } from "../../host/packages.js";
import { PackagesUnavailableError } from "../../host/packages.js";
import { DEBIAN } from "../sources.js";
import type { OnProgress } from "../types.js";

/** A style file and the grooves of it that can be played. */
export interface Style {
  /** Library and file, such as casio/house. */
  id: string;
  /** Its grooves that are no introduction, ending or fill; at least one. */
  grooves: string[];
  /** Beats in a bar. */
  beats: number;
  /** Its written-out note patterns, by which files that were made from one another are known. */
  patterns?: ReadonlySet<string>;
}

/** Bars in one tempo and groove. */
export interface Section {
  /** A chord symbol a bar, or what else mma takes for one: a symbol or a slash for each beat, a solo in braces. */
  bars: readonly string[];
  /** Beats a minute. */
  tempo: number;
  /** A groove of the style. */
  groove: string;
}

/** Sections in one style, played one after the other. */
export interface Arrangement {
  style: Style;
  sections: readonly Section[];
  seed: number;
  /** Lines of mma's own language before the first section. */
  setup?: readonly string[];
}

/** Who turns chords into MIDI: mma, or what tests put in its place. */
export interface Arranger {
  /** All usable style files, sorted by id. */
  styles(): Promise<Style[]>;
  /** A MIDI file, or undefined where the arrangement is not accepted. The same arrangement gives the same bytes. */
  arrange(arrangement: Arrangement): Promise<Uint8Array | undefined>;
  /** Set where the arranger is not the one that was looked at. */
  readonly warning: string | undefined;
}

/** What it needs of a task's or a corpus's options. */
export interface MmaOptions {
  cacheDir: string;
  packages: PackageClient;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  offline?: string;
}

/** Style files that do not play music with chords in it. */
const NOT_MUSIC = /metronome|\/(none|count|intro|ending|bald|bald34|mide|thr|rd)$/;

export class Mma implements Arranger {
  #python: { program: string; env: NodeJS.ProcessEnv } | undefined;
  #count = 0;

  private constructor(
    private readonly dir: string,
    private readonly options: MmaOptions,
    /** Set where the package is not the version that was looked at. */
    readonly warning: string | undefined,
  ) {}

  /** Fetches mma (4 MB) and a Python that runs it. Throws PackagesUnavailableError. */
  static async open(options: MmaOptions): Promise<Mma> {
    const [fetched] = await options.packages.debian([DEBIAN.mma], options);
    const mma = new Mma(fetched.dir, options, fetched.warning);
    await mma.#findPython();
    return mma;
  }

  /** All usable style files, sorted by id. */
  async styles(): Promise<Style[]> {
    const root = join(this.dir, "usr/share/mma/lib");
    const found: Style[] = [];
    for (const library of (await readdir(root)).sort()) {
      for (const file of (await readdir(join(root, library))).sort()) {
        const id = `${library}/${file.replace(/\.mma$/, "")}`;
        if (!file.endsWith(".mma") || NOT_MUSIC.test(id)) continue;
        const text = await readFile(join(root, library, file), "latin1");
        const grooves = [...text.matchAll(/^DefGroove\s+(\S+)/gm)].map((match) => match[1]);
        const main = grooves.filter((name) => !/Intro|intro8|End|Fill|Metronome|COUNT/.test(name));
        const beats = Number.parseInt(/^\s*Time\s+(\d+)/im.exec(text)?.[1] ?? "4", 10);
        if (main.length > 0) found.push({ id, grooves: main, beats, patterns: patternsIn(text) });
      }
    }
    return found;
  }

  /** The arrangement as a MIDI file; undefined where mma does not accept it. The same arrangement gives the same bytes. */
  async arrange(arrangement: Arrangement): Promise<Uint8Array | undefined> {
    const python = this.#python;
    if (!python) throw new PackagesUnavailableError("there is no Python that runs mma");
    try {
      return await this.#run(python, arrangement);
    } catch (error) {
      if (error instanceof CommandError) return undefined;
      throw error;
    }
  }

  async #findPython(): Promise<void> {
    for (const program of ["/usr/bin/python3", "python3"]) {
      if (await this.#works({ program, env: process.env })) return;
    }
    const fetch = this.options.packages.debian;
    const [version] = await fetch([{ name: "python3-minimal" }], this.options);
    const name = `python${/^\d+\.\d+/.exec(version.version)?.[0] ?? "3"}`;
    const [program, minimal, stdlib, expat] = await fetch(
      [
        { name: `${name}-minimal` },
        { name: `lib${name}-minimal` },
        { name: `lib${name}-stdlib` },
        { name: "libexpat1" },
      ],
      this.options,
    );
    const modules = join(stdlib.dir, "usr/lib", name);
    const env = {
      ...process.env,
      PYTHONHOME: join(minimal.dir, "usr"),
      PYTHONPATH: [join(minimal.dir, "usr/lib", name), modules, join(modules, "lib-dynload")].join(":"),
      LD_LIBRARY_PATH: (await libraryFolders(expat.dir)).join(":"),
    };
    if (await this.#works({ program: join(program.dir, "usr/bin", name), env })) return;
    throw new PackagesUnavailableError("mma runs neither with this machine's Python nor with Debian's");
  }

  async #works(python: { program: string; env: NodeJS.ProcessEnv }): Promise<boolean> {
    const [style] = await this.styles();
    try {
      const sections = [{ bars: ["C", "G7"], tempo: 120, groove: style.grooves[0] }];
      await this.#run(python, { style, sections, seed: 1 });
      this.#python = python;
      return true;
    } catch (error) {
      if (error instanceof CommandError) return false;
      throw error;
    }
  }

  async #run(
    python: { program: string; env: NodeJS.ProcessEnv },
    { style, sections, seed, setup = [] }: Arrangement,
  ): Promise<Uint8Array> {
    const { cacheDir, signal } = this.options;
    const home = join(this.dir, "usr/share/mma"); // mma looks for its modules in the working folder
    const work = join(cacheDir, "tmp", `mma-${process.pid}-${this.#count++}`);
    await mkdir(work, { recursive: true });
    try {
      let bar = 0;
      const lines = [
        `RndSeed ${seed}`,
        `Use ${join(home, "lib", style.id)}`,
        ...setup,
        ...sections.flatMap(({ tempo, groove, bars }) => [
          `Tempo ${tempo}`,
          `Groove ${groove}`,
          ...bars.map((chord) => `${++bar} ${chord}`),
        ]),
      ];
      await writeFile(join(work, "in.mma"), `${lines.join("\n")}\n`);
      const args = [join(this.dir, "usr/bin/mma"), "-f", join(work, "out.mid"), join(work, "in.mma")];
      await runCommand(python.program, args, { cwd: home, env: python.env, signal });
      return new Uint8Array(
        await readFile(join(work, "out.mid")).catch(() => {
          throw new CommandError("mma wrote no file", "failed", "");
        }),
      );
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
}

/** The note patterns that a style file writes out: what stands in braces, or a list of notes with time, length and loudness. */
function patternsIn(text: string): Set<string> {
  const patterns = new Set<string>();
  for (const line of text.replace(/\/\/.*$/gm, "").split("\n")) {
    const plain = line.trim().replace(/\s+/g, " ").toLowerCase();
    const notes = /(\d[\d.]* \d+[.+\d]* [\d /]+;.*)$/.exec(plain)?.[1] ?? /\{.*/.exec(plain)?.[0];
    if (notes && notes.length > 24) patterns.add(notes.replace(/[{}\\]/g, "").trim());
  }
  return patterns;
}

/** The folders of an unpacked library package that hold shared objects. */
async function libraryFolders(dir: string): Promise<string[]> {
  const folders: string[] = [];
  for (const base of ["usr/lib", "lib"]) {
    for (const entry of await readdir(join(dir, base)).catch(() => [])) folders.push(join(dir, base, entry));
  }
  return folders;
}
