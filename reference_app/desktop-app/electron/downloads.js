// Downloads go where the person says, and end with a visible result.
import { basename, join } from "node:path";

/** Files come from the backend or out of one of its pages (blob:, data:), never from elsewhere. */
export function downloadAllowed({ url, origin }) {
  if (!origin) {
    return false;
  }
  try {
    const source = new URL(url);
    return (
      source.protocol === "data:" ||
      (source.origin === origin && !source.username && !source.password)
    );
  } catch {
    return false;
  }
}

/** A bare file name, whatever the server suggested. */
export function safeFileName(suggested) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  const name = basename(suggested.replaceAll("\\", "/")).replace(/[\u0000-\u001f<>:"|?*]/g, "_");
  return /^\.*$/.test(name) ? "download" : name;
}

/** `abandon` is called with the contents that asked: a link to a new window leaves that window empty. */
export function applyDownloads(session, { getOrigin, folder, abandon, announce, report }) {
  session.on("will-download", (event, item, contents) => {
    if (contents) {
      abandon(contents);
    }
    if (!downloadAllowed({ url: item.getURL(), origin: getOrigin() })) {
      report("refused a download");
      event.preventDefault();
      return;
    }
    item.setSaveDialogOptions({ defaultPath: join(folder, safeFileName(item.getFilename())) });
    item.once("done", (_event, outcome) => {
      if (outcome !== "cancelled") {
        announce({
          saved: outcome === "completed",
          path: item.getSavePath(),
          name: item.getFilename(),
        });
      }
    });
  });
}
