// The timeline of a start, for whoever asks for it: DESKTOP_DJANGO_TRACE names a file, in which this process and the
// backend write what took how long (Chrome's trace format, for chrome://tracing and Perfetto).
import { appendFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";

let file = process.env.DESKTOP_DJANGO_TRACE && resolve(process.env.DESKTOP_DJANGO_TRACE);
// process.getCreationTime() of Electron counts from the system's start, which Linux tells in whole seconds.
let last = performance.timeOrigin;
let lastBusy = 0;
// The end of the list may be absent: both processes only append.
let early = "[\n";

const line = (event) => `${JSON.stringify({ pid: process.pid, tid: 1, ...event })},\n`;

function write(text, how) {
  try {
    how(file, text, { mode: 0o600 });
  } catch (error) {
    file = undefined;
    console.error(`there will be no timeline: ${error.message}`);
  }
}

/** Microseconds for which this process has kept a processor busy: what a busy machine does not change. */
function busyTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** `name` has come: the time since the one before it is drawn under its name. */
export function came(name) {
  if (!file) {
    return;
  }
  const [now, busy] = [performance.timeOrigin + performance.now(), busyTime()];
  const [ts, dur, tts, tdur] = [last * 1000, (now - last) * 1000, lastBusy, busy - lastBusy];
  const text = line({ name, ph: "X", ts, dur, tts, tdur });
  [last, lastBusy] = [now, busy];
  if (early) {
    early += text;
  } else {
    write(text, appendFileSync);
  }
}

/** Begins the file anew; until then nothing is written, since this launch may belong to another one's window. */
export function beginTrace() {
  if (file) {
    write(early + line({ name: "process_name", ph: "M", args: { name: "shell" } }), writeFileSync);
    early = "";
  }
}

/** What the first page of a window goes through. */
export function tracePage(window) {
  if (!file) {
    return;
  }
  const { webContents } = window;
  webContents.once("did-start-navigation", () => came("page requested"));
  webContents.once("did-navigate", () => came("page answered"));
  webContents.once("dom-ready", () => came("page read"));
  window.once("ready-to-show", () => came("first paint"));
  window.once("show", () => came("window shown"));
}

/** What the backend needs to write in the same file. */
export const traceEnvironment = () => (file ? { DESKTOP_DJANGO_TRACE: file } : {});
