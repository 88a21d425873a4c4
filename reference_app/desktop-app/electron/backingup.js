// *Back Up…*: a person names a file, a small window tells how far it is, a box tells the end. The app goes on meanwhile.
import { join } from "node:path";
import { app } from "electron";
import { announceBackup, announceNoBackup, askWhereToBackUp } from "./messages.js";
import { fillPage, pageUrl } from "./pages.js";
import { writeBackup } from "./restore.js";
import { contentText, percent } from "./restoring.js";
import { load } from "./screens.js";
import { createBackupWindow } from "./windows.js";

const SUFFIX = ".zip";

/** "Flying Stable 2026-11-29.zip", without what file systems refuse. */
export function backupName(name, date) {
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  const stamp = day.map((part) => String(part).padStart(2, "0")).join("-");
  return `${name.replace(/[\\/:*?"<>|]/g, "").trim()} ${stamp}${SUFFIX}`;
}

export async function backUp(running) {
  if (running.backingUp) {
    running.backingUp.window.focus();
    return;
  }
  const { name, launch, log } = running;
  const proposed = join(app.getPath("documents"), backupName(name, new Date()));
  const chosen = await askWhereToBackUp(running, proposed);
  if (!chosen || running.backingUp) {
    return;
  }
  const file = chosen.toLowerCase().endsWith(SUFFIX) ? chosen : `${chosen}${SUFFIX}`;
  const window = openWindow(running);
  const task = { told: (part) => fillPage(window.webContents, { progress: percent(part) }) };
  running.backingUp = { window, stop: () => task.stop?.() };
  try {
    const made = await writeBackup(launch, file, task);
    close(running);
    log(made.cancelled ? "the backup was cancelled" : "backed up");
    if (!made.cancelled) {
      const detail = `${file}\n${contentText(made, app.getLocale())}`;
      await announceBackup(running, { file, detail });
    }
  } catch (error) {
    close(running);
    log(`no backup: ${error.code} ${error.message}`);
    await announceNoBackup(running, error);
  }
}

export const stopBackingUp = (running) => running.backingUp?.stop();

function openWindow(running) {
  const { main: parent, session, manifest, icon, name } = running;
  const { background } = manifest;
  const window = createBackupWindow({ parent, session, background, icon, name });
  window.on("close", (event) => {
    if (running.backingUp?.window === window && !running.quitting) {
      event.preventDefault(); // it goes when the backup has ended
      stopBackingUp(running);
    }
  });
  load(running, window, pageUrl("backup"));
  return window;
}

function close(running) {
  const { window } = running.backingUp;
  running.backingUp = null;
  if (!window.isDestroyed()) {
    window.close();
  }
}
