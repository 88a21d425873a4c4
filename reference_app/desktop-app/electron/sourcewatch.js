// Development only: says when the project's source has changed.
import { existsSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";

const SETTLE_MS = 300;
const SUFFIXES = /\.(py|html)$/;
const SKIPPED = new Set(["node_modules", "__pycache__", "site-packages", "desktop-app"]);

const isSkipped = (folder, name) =>
  name.startsWith(".") || SKIPPED.has(name) || existsSync(join(folder, name, "pyvenv.cfg"));

/** Every folder under `root` that can hold the project's own source; environments and hidden folders cannot. */
export function sourceFolders(root) {
  const inside = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !isSkipped(root, entry.name))
    .flatMap((entry) => sourceFolders(join(root, entry.name)));
  return [root, ...inside];
}

/** Calls `changed` once after a burst of changes; returns a function that ends the watch. */
export function watchSources(root, changed) {
  let timer;
  const watchers = sourceFolders(root).map((folder) =>
    watch(folder, (_kind, name) => {
      if (SUFFIXES.test(name ?? "")) {
        clearTimeout(timer);
        timer = setTimeout(changed, SETTLE_MS);
      }
    }),
  );
  for (const watcher of watchers) {
    watcher.on("error", () => watcher.close()); // the folder was removed
  }
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) {
      watcher.close();
    }
  };
}
