// Lays the policies on the session of the app and on every page there is.
import { app, ipcMain, Menu, session as sessions, shell } from "electron";
import { attachContextMenu } from "./contextmenu.js";
import { applyDownloads } from "./downloads.js";
import { guardContents, isEmpty } from "./guards.js";
import { applyIpc } from "./ipc.js";
import { createLeaving } from "./leaving.js";
import { announceDownload, askWhetherToOpen } from "./messages.js";
import { followButtons, followWheel } from "./mouse.js";
import { servePages } from "./pages.js";
import { refuseDatagrams } from "./peers.js";
import { applyPermissions } from "./permissions.js";
import { applyRequestPolicy } from "./requests.js";
import { closeChild } from "./screens.js";

/** The session all windows have, with its policies. */
export function openSession(running) {
  const { electronDir, place, supervisor, log: report } = running;
  const getOrigin = () => running.origin;
  const getToken = () => supervisor.token;
  const session = sessions.fromPartition("persist:app");
  servePages(session, { electronDir, brand: place.brand });
  applyRequestPolicy(session, {
    getOrigin,
    getToken,
    devTools: place.mode === "development",
    report,
  });
  // What was given the token and still waits for a connection would reach whoever has the port next.
  supervisor.on("gone", () => session.closeAllConnections());
  applyPermissions(session, { getOrigin, report });
  applyDownloads(session, {
    getOrigin,
    folder: app.getPath("downloads"),
    abandon: (contents) => isEmpty(contents) && closeChild(running, contents),
    announce: (download) => announceDownload(running, download),
    report,
  });
  applyIpc(ipcMain, {
    getOrigin,
    openAppDataFolder: () => shell.openPath(running.appData),
    report,
  });
  return session;
}

/** `act` carries out what a button of the shell's own pages asks for. */
export function guardPages(running, act) {
  const { log: report } = running;
  const leaving = createLeaving({
    open: (url) =>
      shell.openExternal(url).catch((error) => report(`cannot open a link: ${error.message}`)),
    ask: (url) => askWhetherToOpen(running, url),
    report,
  });
  app.on("browser-window-created", (_event, window) => followButtons(window));
  app.on("web-contents-created", (_event, contents) => {
    guardContents(contents, {
      getOrigin: () => running.origin,
      leaving,
      act,
      abandon: (child) => closeChild(running, child),
      childOptions: running.pageOptions,
      report,
    });
    attachContextMenu(contents, Menu);
    followWheel(contents);
    refuseDatagrams(contents);
  });
}
