// *Back Up…* and *Export…*: a person names a place, a small window tells how far it is, a box tells the end. The app goes on
// meanwhile.
import { join } from "node:path";
import { app } from "electron";
import { personsLocale } from "./locale.js";
import { announceKept, announceNotKept, askWhereToBackUp, askWhereToExport } from "./messages.js";
import { fillPage, pageUrl } from "./pages.js";
import { writeBackup, writeExport } from "./restore.js";
import { contentText, percent } from "./restoring.js";
import { load } from "./screens.js";
import { createBackupWindow } from "./windows.js";

/** How each is done: where to, by what, and what is told of it. */
const BACKUP = {
  choose: askWhereToBackUp,
  suffix: ".zip",
  write: writeBackup,
  status: "Backing up your data",
  done: "Your data are backed up.",
};
const EXPORT = {
  choose: askWhereToExport, // names a folder that is not there yet
  suffix: "",
  write: writeExport,
  status: "Exporting your data",
  done: "Your data are exported.",
};

/** "Flying Stable 2026-11-29", without what file systems refuse. */
export function datedName(name, date) {
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  const stamp = day.map((part) => String(part).padStart(2, "0")).join("-");
  return `${name.replace(/[\\/:*?"<>|]/g, "").trim()} ${stamp}`;
}

export const backUp = (running) => keep(running, BACKUP);
export const exportData = (running) => keep(running, EXPORT);

async function keep(running, { choose, suffix, write, status, done }) {
  if (running.backingUp) {
    running.backingUp.window.focus();
    return;
  }
  const { name, launch, log } = running;
  const dated = `${datedName(name, new Date())}${suffix}`;
  const chosen = await choose(running, join(app.getPath("documents"), dated));
  if (!chosen || running.backingUp) {
    return;
  }
  const place = chosen.toLowerCase().endsWith(suffix) ? chosen : `${chosen}${suffix}`;
  let progress = "";
  const tell = () => window.isDestroyed() || fillPage(window.webContents, { status, progress });
  const window = openWindow(running, () => tell());
  const task = {
    told(part) {
      progress = percent(part);
      tell();
    },
  };
  running.backingUp = { window, stop: () => task.stop?.() };
  try {
    const made = await write(launch, place, task);
    close(running);
    log(made.cancelled ? `${status}: cancelled` : done);
    if (!made.cancelled) {
      const detail = `${place}\n${contentText(made, personsLocale())}`;
      await announceKept(running, { message: done, detail, place });
    }
  } catch (error) {
    close(running);
    log(`${status}: ${error.code} ${error.message}`);
    await announceNotKept(running, error);
  }
}

export const stopBackingUp = (running) => running.backingUp?.stop();

function openWindow(running, shown) {
  const { main: parent, session, manifest, icon, name } = running;
  const { background } = manifest;
  const window = createBackupWindow({ parent, session, background, icon, name });
  window.on("close", (event) => {
    if (running.backingUp?.window === window && !running.quitting) {
      event.preventDefault(); // it goes when the work has ended
      stopBackingUp(running);
    }
  });
  load(running, window, pageUrl("backup")).then(shown);
  return window;
}

function close(running) {
  const { window } = running.backingUp;
  running.backingUp = null;
  if (!window.isDestroyed()) {
    window.close();
  }
}
