// A process group over MPI: the C library is loaded by koffi where an MPI launcher or Slurm started several processes, and nowhere
// else. Reductions and broadcasts run on a thread of their own, so that JavaScript goes on meanwhile. Open MPI's handles are addresses
// of symbols, those of MPICH and its kin (Intel MPI, MVAPICH, Cray) are fixed numbers.
import { hostname } from "node:os";
import { MelgradError } from "../../gpu/errors.js";
import type { ProcessGroup } from "../group.js";
import { type Launch, launchOf } from "./launch.js";

type Koffi = typeof import("koffi");
type Library = ReturnType<Koffi["load"]>;
type NativeFunction = ReturnType<Library["func"]>;

/** Open MPI 3 to 5, and the common binary interface of MPICH's kin; what development packages call it comes last. */
const names: Readonly<Record<"open" | "mpich", readonly string[]>> = {
  open: process.platform === "darwin" ? ["libmpi.40.dylib", "libmpi.dylib"] : ["libmpi.so.40"],
  mpich:
    process.platform === "darwin"
      ? ["libmpi.12.dylib", "libmpich.dylib"]
      : ["libmpich.so.12", "libmpi.so.12"],
};

const inPlace = { open: 1n, mpich: -1n } as const;
/** MPI_THREAD_SERIALIZED: calls from any thread, one at a time. */
const serialized = 2;

/** Of the thread that calls MPI: MPICH needs more than koffi's 128 KiB, and dies without. */
const stackBytes = 2 ** 21;

interface Handles {
  kind: "open" | "mpich";
  world: number | bigint;
  float: number | bigint;
  byte: number | bigint;
  sum: number | bigint;
}

/** What MPI and the launcher say does not fit, or MPI cannot be had. */
export class MpiError extends MelgradError {}

/**
 * The group of the processes that were started together; undefined where this one was started alone.
 *
 * @throws MpiError in one line: what to install or how to start instead
 */
export async function joinGroup(launch: Launch | undefined = launchOf()): Promise<MpiGroup | undefined> {
  if (!launch || launch.size === 1) return undefined;
  // A process that waits lets others have its core: adapters in software need it.
  process.env.OMPI_MCA_mpi_yield_when_idle ??= "1";
  const { library, kind } = await loadMpi(launch);
  return new MpiGroup(library, handlesOf(library, kind), launch);
}

export class MpiGroup implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  private readonly reduce: NativeFunction;
  private readonly spread: NativeFunction;
  private readonly stop: NativeFunction;
  private readonly end: NativeFunction;
  /** Calls go one after another: MPI was told so. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    library: Library,
    private readonly handles: Handles,
    readonly launch: Launch,
  ) {
    const handle = handles.kind === "open" ? "void *" : "int";
    const init = library.func(
      "int MPI_Init_thread(void *argc, void *argv, int required, _Out_ int *provided)",
    );
    const rank = library.func(`int MPI_Comm_rank(${handle} comm, _Out_ int *rank)`);
    const size = library.func(`int MPI_Comm_size(${handle} comm, _Out_ int *size)`);
    this.reduce = library.func(
      `int MPI_Allreduce(void *send, void *receive, int count, ${handle} type, ${handle} op, ${handle} comm)`,
    );
    this.spread = library.func(
      `int MPI_Bcast(void *buffer, int count, ${handle} type, int root, ${handle} comm)`,
    );
    this.stop = library.func(`int MPI_Abort(${handle} comm, int code)`);
    this.end = library.func("int MPI_Finalize()");
    const provided = [0];
    this.check(init(null, null, serialized, provided), "MPI_Init_thread");
    const [own, all] = [[0], [0]];
    this.check(rank(handles.world, own), "MPI_Comm_rank");
    this.check(size(handles.world, all), "MPI_Comm_size");
    [this.rank, this.size] = [own[0], all[0]];
    if (this.size !== launch.size || this.rank !== launch.rank) throw strangers(launch, this.size);
    if (provided[0] < serialized) {
      throw new MpiError(
        "This MPI was built without support for threads (MPI_THREAD_SERIALIZED): use another build of it.",
      );
    }
  }

  /** This process, for messages: `rank 1 on node7`. */
  get name(): string {
    return `rank ${this.rank} on ${hostname()}`;
  }

  async allReduce(values: Float32Array): Promise<void> {
    const { kind, float, sum, world } = this.handles;
    await this.call(this.reduce, "MPI_Allreduce", inPlace[kind], values, values.length, float, sum, world);
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    const { byte, world } = this.handles;
    await this.call(this.spread, "MPI_Bcast", bytes, bytes.length, byte, 0, world);
  }

  /** Ends all processes of the group at once; this one with `code`. */
  abort(code: number): never {
    this.stop(this.handles.world, code);
    process.exit(code);
  }

  /** Takes leave, once all calls are done. It waits for the others, `patience` milliseconds at most; false where they did not come. */
  async leave(patience = 5000): Promise<boolean> {
    const left = this.call(this.end, "MPI_Finalize").then(() => true);
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), patience).unref());
    return Promise.race([left, late]);
  }

  private call(work: NativeFunction, what: string, ...values: unknown[]): Promise<void> {
    const called = this.queue.then(
      () =>
        new Promise<void>((resolve, reject) => {
          work.async(...values, (error: Error | null, code: number) => {
            if (error) reject(error);
            else if (code !== 0) reject(new MpiError(`${what} failed with code ${code}.`));
            else resolve();
          });
        }),
    );
    this.queue = called.catch(() => {});
    return called;
  }

  private check(code: number, what: string): void {
    if (code !== 0) throw new MpiError(`${what} failed with code ${code}.`);
  }
}

function strangers({ size, by }: Launch, found: number): MpiError {
  const how =
    by === "Slurm"
      ? "start them with srun --mpi=pmix or --mpi=pmi2 (srun --mpi=list names what this Slurm has), or with mpirun"
      : "start them with the mpirun of the MPI that is loaded here, or name its library in MELGRAD_MPI";
  return new MpiError(`${by} started ${size} processes, but MPI joins ${found} of them: ${how}.`);
}

async function loadMpi({ by, size }: Launch): Promise<{ library: Library; kind: "open" | "mpich" }> {
  const started = `${by} started ${size} processes`;
  let koffi: Koffi;
  try {
    koffi = (await import("koffi")).default as unknown as Koffi;
  } catch {
    throw new MpiError(
      `${started}, and the npm package koffi, by which MPI is called, is not installed: run npm install koffi@3.3.4 (in melgrad's own folder: npm ci).`,
    );
  }
  koffi.config({ async_stack_size: stackBytes });
  const own = process.env.MELGRAD_MPI;
  const kinds =
    by === "MPICH"
      ? (["mpich"] as const)
      : by === "Open MPI"
        ? (["open"] as const)
        : (["open", "mpich"] as const);
  for (const name of own ? [own] : kinds.flatMap((kind) => names[kind])) {
    try {
      // Open MPI opens parts of itself later, which look for its symbols.
      const library = koffi.load(name, { global: true });
      return { library, kind: kindOf(library, name) };
    } catch (error) {
      if (error instanceof MpiError) throw error;
    }
  }
  const install = by === "MPICH" ? "libmpich12" : "libopenmpi3";
  throw new MpiError(
    `${started}, but the MPI library ${own ?? kinds.map((kind) => names[kind][0]).join(" or ")} cannot be loaded: ` +
      `install it (Debian, Ubuntu: apt-get install ${install}) or name it in MELGRAD_MPI.`,
  );
}

function kindOf(library: Library, name: string): "open" | "mpich" {
  try {
    library.symbol("ompi_mpi_comm_world", "int");
    return "open";
  } catch {
    const version = library.func("int MPI_Get_library_version(_Out_ uint8_t *text, _Out_ int *length)");
    const [text, length] = [new Uint8Array(8192), [0]];
    version(text, length);
    const words = new TextDecoder().decode(text.subarray(0, length[0]));
    if (/MPICH|MVAPICH|Intel|CRAY/i.test(words)) return "mpich";
    throw new MpiError(
      `${name} is an MPI that is not known here (${words.split("\n")[0]}): use Open MPI or MPICH.`,
    );
  }
}

function handlesOf(library: Library, kind: "open" | "mpich"): Handles {
  if (kind === "mpich") {
    return { kind, world: 0x44000000, float: 0x4c00040a, byte: 0x4c00010d, sum: 0x58000003 };
  }
  const of = (name: string) => library.symbol(name, "int") as unknown as bigint;
  return {
    kind,
    world: of("ompi_mpi_comm_world"),
    float: of("ompi_mpi_float"),
    byte: of("ompi_mpi_byte"),
    sum: of("ompi_mpi_op_sum"),
  };
}
