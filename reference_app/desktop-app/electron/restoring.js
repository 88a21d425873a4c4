// The page on which a person chooses a backup. While it is open there is no backend: launch.py alone has the data.
import { listBackups, restoreBackup } from "./restore.js";

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

// Runs in the page, which holds no script of its own.
function render({ status, detail, rows, busy, done }) {
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
  element("start").textContent = done ? "Start the app" : "Cancel";
  if (first) {
    first.checked = true;
  }
  (first ?? element("start")).focus();
}

/**
 * `backend` is the Supervisor, `launch` its command; `show` brings the page into the main window and gives its contents,
 * or null when a person stays on another page; `locale` is that of the dates.
 */
export function createRestoring({ backend, launch, show, locale, log }) {
  let work = Promise.resolve();
  let contents = null;
  let names = [];

  async function tell(view) {
    const script = `(${render})(${JSON.stringify({ detail: "", rows: [], ...view })})`;
    await contents?.executeJavaScript(script).catch(() => {}); // it was closed in the meantime
  }

  async function list({ status, detail = "" }) {
    const backups = await listBackups(launch);
    names = backups.map(({ name }) => name);
    const several = new Set(backups.map(({ database }) => database)).size > 1;
    const rows = backups.map((backup) => backupRow(backup, { locale, several }));
    await tell(rows.length ? { status, detail, rows } : { status: "There is no backup yet." });
  }

  async function open() {
    contents = await show();
    if (contents) {
      await tell({ status: "Looking for backups" });
      await backend.stop();
      await list({ status: "Which state of your data shall come back?" });
    }
  }

  async function restore(name) {
    if (!names.includes(name)) {
      return;
    }
    await tell({ status: "Restoring", busy: true });
    const answer = await restoreBackup(launch, name);
    log(`restored ${answer.restored}`);
    const kept = answer.set_aside;
    await tell({
      status: "The backup is in place.",
      detail: kept ? `What was there before is kept in your data folder, in ${kept}.` : "",
      done: true,
    });
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
    restore: (name) => queue(() => restore(name).catch((error) => list(explain(error)))),
    /** Settles when nothing is being restored: until then the data belongs to launch.py. */
    idle: () => work,
  };
}
