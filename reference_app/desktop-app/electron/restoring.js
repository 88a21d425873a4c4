// The page on which a person chooses a backup. While it is open there is no backend: launch.py alone has the data.
import { isAbsolute } from "node:path";
import { listBackups, restoreBackup, showBackup } from "./restore.js";

const UNITS = ["bytes", "kB", "MB", "GB"];

/** "12 kB", as file managers say it. */
export function sizeText(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value < 10 && power ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}

export function dateText(made, locale) {
  const date = new Date(made);
  const style = { dateStyle: "full", timeStyle: "short" };
  return Number.isNaN(date.getTime()) ? String(made) : date.toLocaleString(locale, style);
}

/** What the page shows of a backup; its database is named where there are several. */
export function backupRow({ name, database, made, bytes, sound }, { locale, several }) {
  const date = dateText(made, locale);
  return { name, sound, date: several ? `${date} (${database})` : date, size: sizeText(bytes) };
}

const count = (number, name, locale) =>
  `${number.toLocaleString(locale)} ${name}${number === 1 ? "" : "s"}`;

/** What is in a file, in a line. */
export function contentText({ app, version, rows, files, bytes }, locale) {
  const named = [app, version].filter(Boolean).join(" ");
  return `${named}: ${count(rows, "row", locale)}, ${count(files, "file", locale)}, ${sizeText(bytes)}`;
}

export const percent = (part) => `${Math.floor(100 * part)} %`;

// Runs in the page, which holds no script of its own.
function render({ status, detail, rows, busy, stops }) {
  const element = (id) => document.getElementById(id);
  element("status").textContent = status;
  element("detail").textContent = detail;
  const list = element("list");
  list.textContent = "";
  for (const { name, sound, date, size } of rows) {
    const label = list.appendChild(document.createElement("label"));
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "name", value: name, disabled: !sound });
    radio.required = true;
    label.append(radio);
    for (const text of [date, size, sound ? "sound" : "damaged"]) {
      label.appendChild(document.createElement("span")).textContent = text;
    }
  }
  const first = list.querySelector("input:enabled");
  element("choose").hidden = rows.length === 0;
  element("restore").hidden = !first;
  element("start").hidden = Boolean(busy);
  element("file").hidden = Boolean(busy);
  element("stop").hidden = !stops;
  if (first) {
    first.checked = true;
  }
  (first ?? element("start")).focus();
}

/**
 * `backend` is the Supervisor, `launch` its command; `show` brings the page into the main window and gives its contents,
 * or null when a person stays on another page; `chooseFile` asks for a file; `restored` starts the app and tells where what was
 * there before is kept; `locale` is that of the dates.
 */
export function createRestoring({ backend, launch, show, chooseFile, restored, locale, log }) {
  let work = Promise.resolve();
  let contents = null;
  let names = [];
  let task = {};

  async function tell(view) {
    const script = `(${render})(${JSON.stringify({ detail: "", rows: [], ...view })})`;
    await contents?.executeJavaScript(script).catch(() => {}); // it was closed in the meantime
  }

  async function list({ status, detail = "" }) {
    const backups = await listBackups(launch);
    names = backups.map(({ name }) => name);
    const several = new Set(backups.map(({ database }) => database)).size > 1;
    const rows = backups.map((backup) => backupRow(backup, { locale, several }));
    const none = { status: detail ? status : "There is no backup yet.", detail };
    await tell(rows.length ? { status, detail, rows } : none);
  }

  const choose = (detail = "") =>
    list({ status: "Which state of your data shall come back?", detail });

  /** Does what can take a while, and be cancelled; the answer of launch.py. */
  async function follow(status, begin, stops = true) {
    const view = { status, busy: true, stops };
    task = { told: (part) => tell({ ...view, status: `${status}: ${percent(part)}` }) };
    await tell(view);
    return begin(task);
  }

  async function open() {
    contents = await show();
    if (contents) {
      await tell({ status: "Looking for backups" });
      await backend.stop();
      await choose();
    }
  }

  /** A file that somebody chooses is read to the end, and what is in it is shown, before it can be restored. */
  async function openFile() {
    const file = await chooseFile();
    if (!file) {
      return;
    }
    const found = await follow("Reading the file", (its) => showBackup(launch, file, its));
    if (found.cancelled) {
      await choose();
      return;
    }
    names = [file];
    const date = dateText(found.made, locale);
    const rows = [{ name: file, sound: true, date, size: sizeText(found.bytes) }];
    const detail = contentText(found, locale);
    await tell({ status: "Shall this take the place of your data?", detail, rows });
  }

  /** The answer of launch.py once the data are in place, else undefined. */
  async function restore(name) {
    if (!names.includes(name)) {
      return undefined;
    }
    const begin = (its) => restoreBackup(launch, name, its);
    const answer = await follow("Restoring", begin, isAbsolute(name)); // one of the list takes no time
    if (answer.cancelled) {
      await choose("Nothing was changed.");
      return undefined;
    }
    log(`restored ${answer.restored}`);
    return answer;
  }

  const explain = ({ message, hint, code }) => {
    log(`restoring failed: ${code ?? ""} ${message}`);
    return { status: message, detail: [hint, code].filter(Boolean).join("\n") };
  };

  // One after the other: whoever clicks twice has not asked for two at once.
  const queue = (task) => {
    work = work.then(task).catch((error) => tell(explain(error)));
    return work;
  };

  return {
    open: () => queue(open),
    openFile: () => queue(() => openFile().catch((error) => list(explain(error)))),
    /** Cancels what takes a while. */
    stop: () => task.stop?.(),
    async restore(name) {
      const done = await queue(() => restore(name).catch((error) => list(explain(error))));
      if (done) {
        restored(done.set_aside); // after its turn: the start waits until nothing is being restored
      }
    },
    /** Settles when nothing is being restored: until then the data belongs to launch.py. */
    idle: () => work,
  };
}
