// Every error that melgrad throws on purpose. Each message is one or two sentences that say what went wrong and what to
// do about it. Not here: checks of a particular operation, which throw one of these where they are made.

/** The base class: an expected failure, shown to people without a stack trace. */
export class MelgradError extends Error {
  /** Always "MelgradError", also where code is minified. */
  override name = "MelgradError";
}

/** The command line or an option holds something that is not understood. Exit code 2. */
export class UsageError extends MelgradError {
  /** Always "UsageError", also where code is minified. */
  override name = "UsageError";
}

/** No WebGPU adapter, or none of the asked-for name. */
export class NoAdapterError extends MelgradError {
  /** Always "NoAdapterError", also where code is minified. */
  override name = "NoAdapterError";
}

/** The adapter lost its device (driver reset, laptop sleep, `destroy()`). */
export class DeviceLostError extends MelgradError {
  /** Always "DeviceLostError", also where code is minified. */
  override name = "DeviceLostError";
}

/** A buffer could not be had, or the next allocation would pass a limit. */
export class OutOfMemoryError extends MelgradError {
  /** Always "OutOfMemoryError", also where code is minified. */
  override name = "OutOfMemoryError";
}

/** A WGSL shader did not compile, or a dispatch did not validate. The message shows the line. */
export class ShaderError extends MelgradError {
  /** Always "ShaderError", also where code is minified. */
  override name = "ShaderError";
}

/** Shapes or axes that do not go together. */
export class ShapeError extends MelgradError {
  /** Always "ShapeError", also where code is minified. */
  override name = "ShapeError";
}

/** A class label or an index outside what it indexes. */
export class IndexError extends MelgradError {
  override name = "IndexError";
}

/** Input data that cannot be used: audio, manifests, checkpoints, corpora. */
export class DataError extends MelgradError {
  /** Always "DataError", also where code is minified. */
  override name = "DataError";
}
