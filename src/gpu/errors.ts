// Every error that melgrad throws on purpose. Each message is one or two sentences that say what went wrong and what to
// do about it. Not here: checks of a particular operation, which throw one of these where they are made.

/** The base class: an expected failure, shown to people without a stack trace. */
export class MelgradError extends Error {
  override name = "MelgradError";
}

/** The command line or an option holds something that is not understood. Exit code 2. */
export class UsageError extends MelgradError {
  override name = "UsageError";
}

/** No WebGPU adapter, or none of the asked-for name. */
export class NoAdapterError extends MelgradError {
  override name = "NoAdapterError";
}

/** The adapter lost its device (driver reset, laptop sleep, `destroy()`). */
export class DeviceLostError extends MelgradError {
  override name = "DeviceLostError";
}

/** A buffer could not be had, or the next allocation would pass a limit. */
export class OutOfMemoryError extends MelgradError {
  override name = "OutOfMemoryError";
}

/** A WGSL shader did not compile, or a dispatch did not validate. The message shows the line. */
export class ShaderError extends MelgradError {
  override name = "ShaderError";
}

/** Shapes or axes that do not go together. */
export class ShapeError extends MelgradError {
  override name = "ShapeError";
}

/** Input data that cannot be used: audio, manifests, checkpoints, corpora. */
export class DataError extends MelgradError {
  override name = "DataError";
}
