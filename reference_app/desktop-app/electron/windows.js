// The splash, the main window and the find bar.

import { join } from "node:path";
import { BrowserWindow, screen } from "electron";
import { inkFor, placeWindow, smallestWindow } from "./geometry.js";
import { OWN_ACTIONS } from "./navigation.js";
import { fillPage, pageUrl } from "./pages.js";
import { came, tracePage } from "./trace.js";

const SAVE_BOUNDS_MS = 500;
const ABORTED = -3; // another page took its place
const STARTING = "Starting";
const STILL_WORKING = "Still working. The first start can take a while.";

/** Options every window with a page of the backend gets, children included. */
export function pageOptions({ session, electronDir, background, icon }) {
  return {
    backgroundColor: background,
    icon,
    ...smallestWindow,
    webPreferences: {
      session,
      preload: join(electronDir, "preload.cjs"),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      spellcheck: true,
      plugins: true, // the viewer for PDF files, the only plugin there is
    },
  };
}

/**
 * A window may be closed before it is painted, and even while the system puts it on the screen. Chromium's own page for
 * an address that does not answer is not what it waits for; after such a one it is not told of paint any more.
 */
function whenPainted(window, show) {
  const contents = window.webContents;
  let failed = false;
  let painted = false;
  let shown = false;
  const appear = () => {
    if (failed || shown || !painted) {
      return;
    }
    shown = true;
    try {
      show();
    } catch (error) {
      if (!window.isDestroyed()) {
        throw error;
      }
    }
  };
  contents.on("did-start-navigation", () => {
    failed = false;
  });
  contents.on("did-fail-load", (_event, code, _text, _url, isMainFrame) => {
    failed ||= isMainFrame && code !== ABORTED;
  });
  contents.on("did-finish-load", appear);
  window.on("ready-to-show", () => {
    painted = true;
    appear();
  });
}

export function createSplash({ session, name, progress, background, icon }) {
  const splash = new BrowserWindow({
    width: 480,
    height: 320,
    frame: false,
    resizable: false,
    maximizable: false,
    fullscreenable: false,
    title: name,
    backgroundColor: background,
    icon,
    show: false,
    webPreferences: { session, contextIsolation: true, sandbox: true, nodeIntegration: false },
  });
  came("splash made");
  const contents = splash.webContents;
  let text = progress || STARTING;
  let offered = false;
  const loaded = splash.loadURL(pageUrl("splash")).then(() => {
    const ink = JSON.stringify(inkFor(background));
    contents.executeJavaScript(`document.documentElement.dataset.ink = ${ink}`);
    fillPage(contents, { name, progress: text });
  });
  loaded.catch(() => {}); // closed before it was painted
  whenPainted(splash, () => splash.show());
  splash.once("show", () => came("splash shown"));
  return {
    window: splash,
    tell(progress) {
      text = progress;
      if (!splash.isDestroyed()) {
        fillPage(contents, { progress });
      }
    },
    /** After a while: what a person can do besides waiting. */
    offerHelp() {
      if (offered || splash.isDestroyed()) {
        return;
      }
      offered = true;
      if (text === STARTING) {
        this.tell(STILL_WORKING);
      }
      const links = JSON.stringify([
        [`${OWN_ACTIONS}restart`, "Retry"],
        [`${OWN_ACTIONS}logs`, "Open logs"],
      ]);
      const script = `{
        const help = document.createElement("nav");
        for (const [href, label] of ${links}) {
          help.append(Object.assign(document.createElement("a"), { href, textContent: label }), " ");
        }
        document.getElementById("progress").after(help);
      }`;
      loaded.then(() => contents.executeJavaScript(script)).catch(() => {});
    },
    close() {
      if (!splash.isDestroyed()) {
        splash.destroy();
      }
    },
  };
}

/** A hidden main window at its remembered place; it appears when its first page is painted. */
export function createMainWindow({ options, name, state, onShown }) {
  const remembered = state.get("window");
  const bounds = placeWindow(
    remembered,
    screen.getAllDisplays().map((display) => display.workArea),
  );
  const window = new BrowserWindow({ ...options, ...bounds, title: name, show: false });
  came("window made");
  tracePage(window);
  whenPainted(window, () => {
    if (remembered?.maximized) {
      window.maximize();
    }
    window.show();
    onShown();
  });
  let timer;
  const save = () =>
    state.set("window", { ...window.getNormalBounds(), maximized: window.isMaximized() });
  for (const change of ["resize", "move", "maximize", "unmaximize"]) {
    window.on(change, () => {
      clearTimeout(timer);
      timer = setTimeout(() => window.isDestroyed() || save(), SAVE_BOUNDS_MS);
    });
  }
  window.on("close", () => {
    clearTimeout(timer);
    save();
  });
  return window;
}

/** Tells how far a backup or an export is, above the page that goes on. */
export function createBackupWindow({ parent, session, background, icon, name }) {
  const window = new BrowserWindow({
    parent: parent ?? undefined,
    width: 420,
    height: 170,
    useContentSize: true,
    resizable: false,
    minimizable: false,
    maximizable: false,
    fullscreenable: false,
    title: name,
    backgroundColor: background,
    icon,
    webPreferences: { session, contextIsolation: true, sandbox: true, nodeIntegration: false },
  });
  window.setMenuBarVisibility(false);
  return window;
}

/** A one-line bar over the page; Return finds the next match, Escape closes it. */
export function createFindBar({ parent, session }) {
  const [width, height] = [420, 44];
  const { x, y, width: available } = parent.getContentBounds();
  const bar = new BrowserWindow({
    parent,
    x: x + Math.max(0, available - width - 16),
    y,
    width,
    height,
    useContentSize: true,
    frame: false,
    resizable: false,
    minimizable: false,
    skipTaskbar: true,
    webPreferences: { session, contextIsolation: true, sandbox: true, nodeIntegration: false },
  });
  const page = parent.webContents;
  const showMatches = (_event, { activeMatchOrdinal, matches }) => {
    if (!bar.isDestroyed()) {
      fillPage(bar.webContents, {
        matches: matches ? `${activeMatchOrdinal} of ${matches}` : "None",
      });
    }
  };
  page.on("found-in-page", showMatches);
  bar.webContents.on("before-input-event", (event, input) => {
    if (input.type === "keyDown" && input.key === "Escape") {
      event.preventDefault();
      bar.close();
    }
  });
  bar.on("closed", () => {
    if (!parent.isDestroyed()) {
      page.removeListener("found-in-page", showMatches);
      page.stopFindInPage("keepSelection");
      parent.focus();
    }
  });
  bar.loadURL(pageUrl("find")).catch(() => {});
  return bar;
}
