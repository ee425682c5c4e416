// What was dropped or chosen, as a stream of things to make: folders before what is in them.

/** Yields {path, folder: true} and {path, open: () => Promise<File>}; `path` is relative, without a first slash. */
export async function* dropped({ entries = [], files = [] }) {
  yield* chosenFiles(files);
  for (const entry of entries) yield* walk(entry, "");
}

function* chosenFiles(files) {
  const made = new Set();
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    const names = path.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const folder = names.slice(0, depth).join("/");
      if (made.has(folder)) continue;
      made.add(folder);
      yield { path: folder, folder: true };
    }
    yield { path, open: () => Promise.resolve(file) };
  }
}

async function* walk(entry, above) {
  const path = above ? `${above}/${entry.name}` : entry.name;
  if (entry.isFile) {
    yield { path, open: () => new Promise((resolve, reject) => entry.file(resolve, reject)) };
    return;
  }
  yield { path, folder: true };
  const reader = entry.createReader();
  for (;;) {
    // A reader gives some entries (100 in Chromium) at a time, and none when it is done.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) yield* walk(each, path);
  }
}
