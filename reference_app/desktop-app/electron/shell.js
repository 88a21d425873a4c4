// The life of the app once it holds its instance lock: start the backend, show it, follow it, end it.
import { join } from "node:path";
import { app, Menu } from "electron";
import { actOnPage, menuActions } from "./actions.js";
import { followEnd } from "./ending.js";
import { renewBackend, startBackend } from "./following.js";
import { chooseInterpreter } from "./interpreter.js";
import { backendCommand } from "./launch.js";
import { personsLocale } from "./locale.js";
import { createLog, echoLog } from "./logs.js";
import { menuTemplate } from "./menu.js";
import { askAboutUpdate, askForBackup } from "./messages.js";
import { createConnections } from "./peers.js";
import { appIcon } from "./places.js";
import { guardPages, openSession } from "./policies.js";
import { createRestoring } from "./restoring.js";
import { Running } from "./running.js";
import { showRestorePage, showSplash } from "./screens.js";
import { createSpelling } from "./spelling.js";
import { ShellState } from "./state.js";
import { Supervisor } from "./supervisor.js";
import { pageOptions } from "./windows.js";

/** `parts`: {electronDir, manifest, options, place, appData}. */
export async function runShell(parts) {
  const running = prepare(parts);
  // Electron's own answer is a dialog that holds up everything, the end of the backend included.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => running.log(`unexpected: ${error?.stack ?? error}`));
  }
  // Python starts while Chromium does.
  const displayReady = app.whenReady();
  startBackend(running, displayReady);
  await displayReady;
  furnish(running);
  guardPages(running, (action, contents) => actOnPage(running, action, contents));
  followEnd(running);
  showSplash(running);
  const actions = menuActions(running);
  if (running.manifest.feed && app.isPackaged) {
    actions.checkForUpdates = await offerUpdates(running);
  }
  showMenu(running, actions);
  await helpDeveloper(running);
}

/** What needs no window. */
function prepare({ electronDir, manifest, options, place, appData }) {
  const { env, platform } = process;
  const { environmentNames, healthPath } = manifest;
  const logFolder = join(appData, "logs");
  const backendLog = join(logFolder, "backend-stderr.log");
  const echo = place.mode === "development" ? console.log : undefined;
  const log = createLog(join(logFolder, "shell.log"), echo);
  const remembered = new ShellState(join(appData, "shell.json"));
  const configured = manifest.interpreter;
  const override = options.python;
  const interpreter = chooseInterpreter({ place, override, configured, env, platform });
  log(`backend runs with ${interpreter.python} (${interpreter.source})`);
  const launch = backendCommand({ place, interpreter, appData, env, environmentNames });
  return new Running({
    ...{ electronDir, manifest, options, place, appData, logFolder, backendLog, log },
    ...{ remembered, interpreter, launch, icon: appIcon(place.project) },
    supervisor: new Supervisor({ launch, healthPath, logFile: backendLog, state: remembered }),
  });
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
