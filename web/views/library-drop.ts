// Dropping files and folders anywhere on the page: folders are walked to their last file. What is audio is decided elsewhere.

export interface Dropped {
  files: File[];
  /** Whether a folder was among what was dropped. */
  fromFolder: boolean;
}

/**
 * Follows drops on the whole window; the page shows by the class `dropping` that it would take them. The returned function ends
 * that.
 */
export function followDrops(take: (dropped: Dropped) => void, refuse: (error: unknown) => void): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  let depth = 0;
  const leave = () => {
    depth = 0;
    document.body.classList.remove("dropping");
  };
  addEventListener(
    "dragenter",
    (event) => {
      if (!holdsFiles(event)) return;
      depth++;
      document.body.classList.add("dropping");
    },
    { signal },
  );
  addEventListener("dragleave", () => --depth <= 0 && leave(), { signal });
  addEventListener(
    "dragover",
    (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    },
    { signal },
  );
  addEventListener(
    "drop",
    (event) => {
      leave();
      // A view that wants a file of its own (say, to search by) takes the event first.
      if (event.defaultPrevented || !event.dataTransfer || !holdsFiles(event)) return;
      event.preventDefault();
      readDrop(event.dataTransfer).then(take, refuse);
    },
    { signal },
  );
  return () => ended.abort();
}

function holdsFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

async function readDrop(transfer: DataTransfer): Promise<Dropped> {
  // The items are gone after the event: take their entries before anything is awaited.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return { files: [...transfer.files], fromFolder: false };
  const files: File[] = [];
  for (const entry of entries) if (entry) await walk(entry, files);
  return { files, fromFolder: entries.some((entry) => entry?.isDirectory) };
}

async function walk(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (entry.isFile) {
    files.push(await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives its entries in portions, and at last an empty one.
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return;
    for (const each of some) await walk(each, files);
  }
}
