// What a person can do: the buttons of the shell's own pages, and the menu.
import { BrowserWindow, shell } from "electron";
import { backUp, exportData, stopBackingUp } from "./backingup.js";
import { askForNewPassword, restartBackend } from "./following.js";
import { copyDiagnostics, copyReport, showAbout } from "./messages.js";
import { find, goHome, openFindBar } from "./screens.js";

/** Carries out the address of a button, `action://own/NAME?…`. */
export function actOnPage(running, { pathname, searchParams }, contents) {
  const { restoring, logFolder, appData } = running;
  const perform = {
    "/restart": () => restartBackend(running),
    "/backups": restoring.open,
    "/backup-file": restoring.openFile,
    "/stop": restoring.stop,
    "/stop-backup": () => stopBackingUp(running),
    "/restore": () => restoring.restore(searchParams.get("name") ?? ""),
    "/copy-report": () => copyReport(running, contents),
    "/logs": () => shell.openPath(logFolder),
    "/data": () => shell.openPath(appData),
    "/find": () => find(running, searchParams),
  }[pathname];
  running.log(`${contents.getURL()} asks for ${pathname}`);
  perform?.();
}

/** For menuTemplate(), which shows those that are there. */
export function menuActions(running) {
  const page = () => BrowserWindow.getFocusedWindow()?.webContents ?? running.main?.webContents;
  return {
    about: () => showAbout(running),
    back: () => page()?.navigationHistory.goBack(),
    forward: () => page()?.navigationHistory.goForward(),
    home: () => running.main && goHome(running),
    reload: () => page()?.reload(),
    print: () => page()?.print(),
    find: () => openFindBar(running),
    backUp: () => backUp(running),
    restore: running.restoring.open,
    exportData: () => exportData(running),
    newPassword: running.manifest.firstAccount ? () => askForNewPassword(running) : undefined,
    toggleSpelling: running.spelling.toggle,
    openAppData: () => shell.openPath(running.appData),
    openLogs: () => shell.openPath(running.logFolder),
    copyDiagnostics: () => copyDiagnostics(running),
  };
}
