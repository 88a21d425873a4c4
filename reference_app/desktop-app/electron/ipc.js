// The page's side of the bridge ends here: each call is answered only for a page of the backend itself.

export const OPEN_APP_DATA = "open-app-data-folder";

/** True only for the main frame of a page from the backend's exact origin. */
export function senderTrusted({ url, isMainFrame, origin }) {
  if (!origin || !isMainFrame) {
    return false;
  }
  try {
    const sender = new URL(url);
    return sender.origin === origin && sender.protocol === "http:";
  } catch {
    return false;
  }
}

export function applyIpc(ipcMain, { getOrigin, openAppDataFolder, report }) {
  ipcMain.handle(OPEN_APP_DATA, async (event) => {
    const frame = event.senderFrame;
    const sender = { url: frame?.url ?? "", isMainFrame: frame?.parent === null };
    if (!senderTrusted({ ...sender, origin: getOrigin() })) {
      report("refused a call of the bridge");
      throw new Error("This page may not do that.");
    }
    await openAppDataFolder();
  });
}
