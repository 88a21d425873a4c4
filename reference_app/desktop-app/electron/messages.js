// What a person is told and asked in boxes of the system.
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { clipboard, dialog, shell } from "electron";
import { diagnosticsText } from "./diagnostics.js";
import { fillPage } from "./pages.js";

const ADDRESS_LENGTH = 500;
const BACKUPS = [{ name: "Backups", extensions: ["zip"] }];

const withMain = ({ main }, ask, options) => (main ? ask(main, options) : ask(options));
// Linux shows no button at all where none is named.
const show = (running, box) =>
  withMain(running, dialog.showMessageBox, { buttons: ["OK"], ...box });

export async function askWhetherToOpen(running, url) {
  const box = {
    type: "question",
    message: `A page of ${running.name} wants to open an address outside of the app.`,
    detail: url.length > ADDRESS_LENGTH ? `${url.slice(0, ADDRESS_LENGTH)}…` : url,
    buttons: ["Open", "Cancel"],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  };
  return (await show(running, box)).response === 0;
}

/** Where a backup shall be written; undefined when a person has changed their mind. */
export async function askWhereToBackUp(running, name) {
  const options = { title: "Back Up", defaultPath: name, filters: BACKUPS };
  const chosen = await withMain(running, dialog.showSaveDialog, options);
  return chosen.canceled ? undefined : chosen.filePath;
}

/** A new folder in the one that a person chooses, called as the proposed one. */
export async function askWhereToExport(running, proposed) {
  const options = {
    title: "Export into a New Folder In",
    buttonLabel: "Export Here",
    defaultPath: dirname(proposed),
    properties: ["openDirectory", "createDirectory"],
  };
  const chosen = await withMain(running, dialog.showOpenDialog, options);
  return chosen.canceled ? undefined : freeName(join(chosen.filePaths[0], basename(proposed)));
}

function freeName(path) {
  let [free, number] = [path, 1];
  while (existsSync(free)) {
    number += 1;
    free = `${path} ${number}`;
  }
  return free;
}

export async function askForBackup(running) {
  const options = { title: "Restore a Backup", properties: ["openFile"], filters: BACKUPS };
  const chosen = await withMain(running, dialog.showOpenDialog, options);
  return chosen.canceled ? undefined : chosen.filePaths[0];
}

export async function announceKept(running, { message, detail, place }) {
  const buttons = ["OK", "Show in Folder"];
  const box = { type: "info", message, detail, buttons };
  if ((await show(running, box)).response === 1) {
    shell.showItemInFolder(place);
  }
}

export const announceNotKept = (running, { message, hint, code }) =>
  show(running, { type: "error", message, detail: [hint, code].filter(Boolean).join("\n") });

export function askWhetherToLeave(window) {
  const box = {
    type: "question",
    message: "Leave this page?",
    detail: "Changes that are not saved will be lost.",
    buttons: ["Leave", "Stay"],
    cancelId: 1,
  };
  return dialog.showMessageBoxSync(window, box) === 0;
}

export async function askWhetherToRestart(running) {
  const box = {
    type: "question",
    message: "Choose a new password?",
    detail: "The app starts again and asks for it, before it shows anything else.",
    buttons: ["Start Again", "Cancel"],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  };
  return (await show(running, box)).response === 0;
}

/** The number of the button that was chosen; the last one is chosen by closing the box. */
export async function askAboutUpdate(running, message, detail, buttons) {
  const box = { type: "info", message, detail, buttons, cancelId: buttons.length - 1 };
  return (await show(running, box)).response;
}

export async function announceDownload(running, { saved, path, name: file }) {
  const message = saved ? `${file} was saved.` : `${file} could not be saved.`;
  running.log(`download ${saved ? "saved" : "failed"}`);
  const buttons = saved ? ["OK", "Show in Folder"] : ["OK"];
  const box = { type: saved ? "info" : "error", message, detail: path, buttons };
  if ((await show(running, box)).response === 1) {
    shell.showItemInFolder(path);
  }
}

const diagnostics = ({ manifest, place, interpreter, appData, versions }) =>
  diagnosticsText({
    manifest,
    place,
    interpreter,
    appData,
    backend: versions,
    versions: process.versions,
  });

export function showAbout(running) {
  const { name } = running;
  const detail = diagnostics(running);
  return show(running, { type: "info", title: `About ${name}`, message: name, detail });
}

export const copyDiagnostics = (running) => clipboard.writeText(diagnostics(running));

export function copyReport({ report }, contents) {
  clipboard.writeText(report);
  return fillPage(contents, { "copy-report": "Copied" });
}
