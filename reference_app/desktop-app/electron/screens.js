// Which window there is, and what it shows: splash, main window, find bar, error page, the choice of a backup.
import { app, BrowserWindow } from "electron";
import { fillPage, pageUrl } from "./pages.js";
import { splashDelay } from "./progress.js";
import { createFindBar, createMainWindow, createSplash } from "./windows.js";

const STILL_WORKING_MS = 15_000;
const ERROR_PAGE_ATTEMPTS = 5;
const RENDERER_CRASH_WINDOW_MS = 10_000;

/** Whether the page is shown, once it is or could not be. */
export function load({ log }, window, url) {
  return window.loadURL(url).then(
    () => true,
    (error) => log(`cannot show a page: ${error.code ?? error.message}`),
  );
}

export function goHome(running) {
  if (running.origin) {
    load(running, mainWindow(running), running.origin + running.manifest.home);
  }
}

/** The main window, hidden until its page is painted; a splash for who has to wait for it. */
export function showStart(running) {
  const { remembered } = running;
  const begun = Date.now();
  const wait = splashDelay(remembered.get("startMs"));
  const splash = setTimeout(() => running.ending || showSplash(running), wait);
  const window = mainWindow(running);
  window.once("closed", () => clearTimeout(splash));
  window.once("show", () => {
    clearTimeout(splash);
    remembered.set("startMs", Date.now() - begun);
  });
}

function showSplash(running) {
  const { session, name, manifest, icon, progress } = running;
  const splash = createSplash({ session, name, progress, background: manifest.background, icon });
  running.splash = splash;
  const slow = setTimeout(() => running.splash?.offerHelp(), STILL_WORKING_MS);
  splash.window.on("closed", () => {
    clearTimeout(slow);
    running.splash = null;
    if (!running.main?.isVisible()) {
      app.quit();
    }
  });
}

/** The main window, made where there is none. */
export function mainWindow(running) {
  if (!running.main) {
    running.main = createMainWindow({
      options: running.pageOptions,
      name: running.name,
      state: running.remembered,
      onShown() {
        running.log("window shown");
        running.splash?.close();
      },
    });
    running.main.on("closed", () => {
      running.main = null;
      running.splash?.close(); // it would wait for nothing
    });
    followRenderer(running, running.main);
    running.emit("main", running.main);
  }
  return running.main;
}

function followRenderer(running, window) {
  let crashed = 0;
  window.webContents.on("render-process-gone", (_event, { reason }) => {
    running.log(`the page's process ended: ${reason}`);
    const again = Date.now() - crashed < RENDERER_CRASH_WINDOW_MS;
    crashed = Date.now();
    if (again) {
      const hint = "It may be too large for this computer.";
      showError(running, { message: "This page stopped working.", hint });
    } else {
      window.webContents.reload();
    }
  });
}

export async function showError(
  running,
  { message, hint, code = "", report = "", log: lines = "" },
) {
  running.report = report;
  const { log, appData } = running;
  const window = mainWindow(running);
  let shown = false;
  // A page of the backend that was loading when it died may end our load with its own: Chromium drops ours,
  // and Electron takes the end of the one for the end of the other.
  for (let attempt = 0; !shown && attempt < ERROR_PAGE_ATTEMPTS; attempt += 1) {
    const loaded = window.isDestroyed() ? Promise.resolve() : window.loadURL(pageUrl("error"));
    await loaded.catch((error) => log(`cannot show the error page: ${error.message}`));
    shown = window.isDestroyed() || window.webContents.getURL() === pageUrl("error");
  }
  if (!window.isDestroyed()) {
    const reported = report && {
      report,
      "report-title": "Report for the developer",
      "copy-report": "Copy the report",
    };
    fillPage(window.webContents, { message, hint, code, folder: appData, log: lines, ...reported });
  }
}

/** The contents of the page on which a backup is chosen; null where a person stays on another one. */
export async function showRestorePage(running) {
  const window = mainWindow(running);
  const page = pageUrl("restore");
  await window.loadURL(page).catch((error) => running.log(error.message));
  return running.shows(page) ? window.webContents : null;
}

export function showProgress(running, text) {
  running.progress = text;
  running.splash?.tell(text);
  if (running.shows(pageUrl("splash"))) {
    fillPage(running.main.webContents, { name: running.name, progress: text });
  }
}

export function openFindBar(running) {
  if (running.findBar) {
    running.findBar.focus();
  } else if (running.main) {
    running.findBar = createFindBar({ parent: running.main, session: running.session });
    running.findBar.on("closed", () => {
      running.findBar = null;
    });
  }
}

export function find({ main }, parameters) {
  const text = parameters.get("text");
  if (text && main) {
    main.webContents.findInPage(text, { forward: parameters.get("direction") !== "previous" });
  }
}

/** Closes a window that may not go to its first page. */
export function closeChild({ main, splash, findBar, backingUp, log }, contents) {
  const window = BrowserWindow.fromWebContents(contents);
  if (window && ![main, splash?.window, findBar, backingUp?.window].includes(window)) {
    // Not while it is navigating.
    setImmediate(() => {
      window.destroy();
      log("closed a window that had nothing to show");
    });
  }
}
