// The app once Chromium is ready: its session, its guards, its first window, its menu.
import { app, Menu } from "electron";
import { actOnPage, menuActions } from "./actions.js";
import { followEnd } from "./ending.js";
import { followBackend, renewBackend, showRestored } from "./following.js";
import { personsLocale } from "./locale.js";
import { echoLog } from "./logs.js";
import { menuTemplate } from "./menu.js";
import { askAboutUpdate, askForBackup } from "./messages.js";
import { createConnections } from "./peers.js";
import { guardPages, openSession } from "./policies.js";
import { createRestoring } from "./restoring.js";
import { showRestorePage, showStart } from "./screens.js";
import { createSpelling } from "./spelling.js";
import { came } from "./trace.js";
import { pageOptions } from "./windows.js";

/** Once Chromium is ready; what to do with the events of the backend. */
export async function openShell(running) {
  furnish(running);
  came("session made");
  guardPages(running, (action, contents) => actOnPage(running, action, contents));
  followEnd(running);
  showStart(running);
  const actions = menuActions(running);
  if (running.manifest.feed && app.isPackaged) {
    actions.checkForUpdates = await offerUpdates(running);
  }
  showMenu(running, actions);
  await helpDeveloper(running);
  return followBackend(running);
}

/** What windows need. */
function furnish(running) {
  const { electronDir, manifest, icon, supervisor, launch, remembered, log } = running;
  const locale = personsLocale();
  const session = openSession(running);
  const { background } = manifest;
  Object.assign(running, {
    session,
    pageOptions: pageOptions({ session, electronDir, background, icon }),
    spelling: createSpelling({
      session,
      connections: createConnections(session, log),
      state: remembered,
      locale,
    }),
    restoring: createRestoring({
      backend: supervisor,
      launch,
      show: () => showRestorePage(running),
      chooseFile: () => askForBackup(running),
      restored: (aside) => showRestored(running, aside),
      locale,
      log,
    }),
  });
}

/** The function behind *Check for Updates…*. */
async function offerUpdates(running) {
  const { createUpdates, strictUpdater } = await import("./updates.js");
  const { supervisor, name, log } = running;
  const checkForUpdates = createUpdates({
    updater: strictUpdater(),
    name,
    log,
    ask: (...question) => askAboutUpdate(running, ...question),
    stopBackend: async () => {
      await supervisor.close();
      app.releaseSingleInstanceLock(); // the new version may start before this one has gone
    },
    restart: () => {
      app.relaunch();
      app.quit();
    },
  });
  supervisor.once("ready", () => checkForUpdates({ quiet: true }));
  return () => checkForUpdates();
}

function showMenu({ name, place, spelling }, actions) {
  const template = menuTemplate({
    name,
    platform: process.platform,
    developer: place.mode === "development",
    spelling: spelling.wanted(),
    actions,
  });
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}

async function helpDeveloper(running) {
  const { place, options, backendLog } = running;
  if (place.mode === "development") {
    echoLog(backendLog, process.stderr);
    const { watchSources } = await import("./sourcewatch.js");
    watchSources(place.project, () => renewBackend(running));
  }
  if (options.devTools) {
    app.once("browser-window-focus", () =>
      running.main?.webContents.openDevTools({ mode: "detach" }),
    );
  }
}
