// The life of the app once it holds its instance lock: start the backend, show it, follow it, end it.
import { join } from "node:path";
import {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  powerMonitor,
  session as sessions,
  shell,
} from "electron";
import { attachContextMenu } from "./contextmenu.js";
import { diagnosticsText } from "./diagnostics.js";
import { applyDownloads } from "./downloads.js";
import { guardContents } from "./guards.js";
import { chooseInterpreter } from "./interpreter.js";
import { applyIpc } from "./ipc.js";
import { backendCommand } from "./launch.js";
import { createLeaving } from "./leaving.js";
import { createLog, echoLog } from "./logs.js";
import { menuTemplate } from "./menu.js";
import { addressAfterRestart } from "./navigation.js";
import { fillPage, pageUrl, servePages } from "./pages.js";
import { applyPermissions } from "./permissions.js";
import { appIcon } from "./places.js";
import { applyRequestPolicy } from "./requests.js";
import { createRestoring } from "./restoring.js";
import { createSpelling } from "./spelling.js";
import { ShellState } from "./state.js";
import { Supervisor } from "./supervisor.js";
import { createFindBar, createMainWindow, createSplash, pageOptions } from "./windows.js";

const STILL_WORKING_MS = 15_000;
const ERROR_PAGE_ATTEMPTS = 5;
const ADDRESS_LENGTH = 500;
const RENDERER_CRASH_WINDOW_MS = 10_000;

export async function runShell({ electronDir, manifest, options, place, appData }) {
  const developer = place.mode === "development";
  const logFolder = join(appData, "logs");
  const backendLog = join(logFolder, "backend-stderr.log");
  const log = createLog(join(logFolder, "shell.log"), developer ? console.log : undefined);
  const state = new ShellState(join(appData, "shell.json"));
  const icon = appIcon(place.project);
  const { name, background } = manifest;

  const interpreter = chooseInterpreter({
    place,
    override: options.python,
    configured: manifest.interpreter,
    env: process.env,
    platform: process.platform,
  });
  log(`backend runs with ${interpreter.python} (${interpreter.source})`);
  // Electron's own answer is a dialog that holds up everything, the end of the backend included.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => log(`unexpected: ${error?.stack ?? error}`));
  }

  const launch = backendCommand({
    place,
    interpreter,
    appData,
    env: process.env,
    environmentNames: manifest.environmentNames,
  });
  const supervisor = new Supervisor({
    launch,
    healthPath: manifest.healthPath,
    logFile: backendLog,
    state,
  });
  const getOrigin = () => supervisor.origin;
  const getToken = () => supervisor.token;

  let main = null;
  let splash = null;
  let findBar = null;
  let backendVersions = null;
  let served = null; // the origin of the pages that are open
  let quitting = false;
  let sessionEnding = false;
  let backendGone = false;

  // A window made from now on would never be closed.
  const ending = () => quitting && !main;

  // Python starts while Chromium does; what it tells is heard once there can be windows to show it in.
  const displayReady = app.whenReady();
  const follow = (event, handle) =>
    supervisor.on(event, (value) => displayReady.then(() => ending() || handle(value)));
  follow("progress", (text) => {
    splash?.tell(text);
    if (main?.webContents.getURL() === pageUrl("splash")) {
      fillPage(main.webContents, { name, progress: text });
    }
  });
  follow("event", (event) => {
    if (event.event === "ready") {
      backendVersions = { python: event.python, django: event.django };
    }
  });
  follow("down", ({ code, signal }) =>
    log(`the backend ended (${signal ?? code}); it is started again`),
  );
  follow("failed", (failure) => {
    log(`the backend failed: ${failure.code} ${failure.message}`);
    showError(failure);
  });
  follow("ready", ({ origin }) => {
    log(`ready at ${origin}`);
    const address = (window) =>
      addressAfterRestart({ shown: window.webContents.getURL(), former: served, origin });
    const window = mainWindow();
    // GET, not reload(): a reload would send a form a second time.
    load(window, address(window) ?? origin + manifest.home);
    for (const child of served === origin ? [] : BrowserWindow.getAllWindows()) {
      if (child !== window && address(child)) {
        load(child, address(child));
      }
    }
    served = origin;
  });
  supervisor.start().catch((error) => displayReady.then(() => reportBackend(error)));
  await displayReady;

  // -- the session and its policies

  const session = sessions.fromPartition("persist:app");
  servePages(session, { electronDir, brand: place.brand });
  applyRequestPolicy(session, { getOrigin, getToken, devTools: developer, report: log });
  // What was given the token and still waits for a connection would reach whoever has the port next.
  supervisor.on("gone", () => session.closeAllConnections());
  applyPermissions(session, { getOrigin, report: log });
  applyDownloads(session, {
    getOrigin,
    folder: app.getPath("downloads"),
    announce: announceDownload,
    report: log,
  });
  applyIpc(ipcMain, { getOrigin, openAppDataFolder, report: log });
  const restoring = createRestoring({
    backend: supervisor,
    launch,
    show: showRestorePage,
    locale: app.getLocale(),
    log,
  });
  const spelling = createSpelling({ session, state, locale: app.getLocale() });
  const windowOptions = pageOptions({ session, electronDir, background, icon });
  const leaving = createLeaving({
    open: (url) =>
      shell.openExternal(url).catch((error) => log(`cannot open a link: ${error.message}`)),
    ask: askWhetherToOpen,
    report: log,
  });
  app.on("web-contents-created", (_event, contents) => {
    guardContents(contents, {
      getOrigin,
      leaving,
      act,
      abandon: closeChild,
      childOptions: windowOptions,
      report: log,
    });
    attachContextMenu(contents, Menu);
  });

  // -- what a person can do

  function openAppDataFolder() {
    return shell.openPath(appData);
  }

  function act(action, contents) {
    const perform = {
      "/restart": restartBackend,
      "/backups": restoring.open,
      "/restore": () => restoring.restore(action.searchParams.get("name") ?? ""),
      "/logs": () => shell.openPath(logFolder),
      "/data": openAppDataFolder,
      "/find": () => find(action.searchParams),
    }[action.pathname];
    log(`${contents.getURL()} asks for ${action.pathname}`);
    perform?.();
  }

  function closeChild(contents) {
    const window = BrowserWindow.fromWebContents(contents);
    if (window && ![main, splash?.window, findBar].includes(window)) {
      // Not while it is navigating.
      setImmediate(() => {
        window.destroy();
        log("closed a window that had nothing to show");
      });
    }
  }

  function find(parameters) {
    const text = parameters.get("text");
    if (text && main) {
      main.webContents.findInPage(text, { forward: parameters.get("direction") !== "previous" });
    }
  }

  function openFindBar() {
    if (findBar) {
      findBar.focus();
    } else if (main) {
      findBar = createFindBar({ parent: main, session });
      findBar.on("closed", () => {
        findBar = null;
      });
    }
  }

  function showMessage(box) {
    return main ? dialog.showMessageBox(main, box) : dialog.showMessageBox(box);
  }

  async function askWhetherToOpen(url) {
    const box = {
      type: "question",
      message: `A page of ${name} wants to open an address outside of the app.`,
      detail: url.length > ADDRESS_LENGTH ? `${url.slice(0, ADDRESS_LENGTH)}…` : url,
      buttons: ["Open", "Cancel"],
      defaultId: 1,
      cancelId: 1,
      noLink: true,
    };
    return (await showMessage(box)).response === 0;
  }

  async function announceDownload({ saved, path, name: file }) {
    const message = saved ? `${file} was saved.` : `${file} could not be saved.`;
    log(`download ${saved ? "saved" : "failed"}`);
    const buttons = saved ? ["OK", "Show in Folder"] : ["OK"];
    const box = { type: saved ? "info" : "error", message, detail: path, buttons };
    const { response } = await showMessage(box);
    if (response === 1) {
      shell.showItemInFolder(path);
    }
  }

  const describe = () =>
    diagnosticsText({
      manifest,
      place,
      interpreter,
      appData,
      backend: backendVersions,
      versions: process.versions,
    });

  const pageNow = () => BrowserWindow.getFocusedWindow()?.webContents ?? main?.webContents;

  const goHome = () => main && getOrigin() && load(main, getOrigin() + manifest.home);

  const actions = {
    about: () =>
      showMessage({ type: "info", title: `About ${name}`, message: name, detail: describe() }),
    back: () => pageNow()?.navigationHistory.goBack(),
    forward: () => pageNow()?.navigationHistory.goForward(),
    home: goHome,
    reload: () => pageNow()?.reload(),
    print: () => pageNow()?.print(),
    find: openFindBar,
    restore: restoring.open,
    toggleSpelling: spelling.toggle,
    openAppData: openAppDataFolder,
    openLogs: () => shell.openPath(logFolder),
    copyDiagnostics: () => clipboard.writeText(describe()),
  };

  // -- windows

  function load(window, url) {
    window.loadURL(url).catch((error) => log(`cannot show a page: ${error.code ?? error.message}`));
  }

  function showSplash() {
    splash = createSplash({ session, name, background, icon });
    const slow = setTimeout(() => splash?.offerHelp(), STILL_WORKING_MS);
    // made while the backend starts, shown when it answers
    splash.window.once("show", () => ending() || mainWindow());
    splash.window.on("closed", () => {
      clearTimeout(slow);
      splash = null;
      if (!main?.isVisible()) {
        app.quit();
      }
    });
  }

  function mainWindow() {
    if (!main) {
      main = createMainWindow({
        options: windowOptions,
        name,
        state,
        onShown,
      });
      followMainWindow(main);
    }
    return main;
  }

  function onShown() {
    log("window shown");
    splash?.close();
  }

  function followMainWindow(window) {
    let crashed = 0;
    window.on("closed", () => {
      main = null;
      splash?.close(); // it would wait for nothing
    });
    window.webContents.on("will-prevent-unload", (event) => {
      if (sessionEnding || askWhetherToLeave(window)) {
        event.preventDefault();
      } else {
        quitting = false;
      }
    });
    window.webContents.on("render-process-gone", (_event, { reason }) => {
      log(`the page's process ended: ${reason}`);
      const again = Date.now() - crashed < RENDERER_CRASH_WINDOW_MS;
      crashed = Date.now();
      if (again) {
        showError({
          message: "This page stopped working.",
          hint: "It may be too large for this computer.",
          code: "",
          log: "",
        });
      } else {
        window.webContents.reload();
      }
    });
    // Windows ends the session without any quit event.
    window.on("query-session-end", () => {
      sessionEnding = true;
      endBackend();
    });
    window.on("session-end", endBackend);
    window.on("focus", () => {
      if (sessionEnding) {
        sessionEnding = false; // another program refused the end of the session
        supervisor.start();
      }
    });
  }

  function askWhetherToLeave(window) {
    const buttons = ["Leave", "Stay"];
    const message = "Leave this page?";
    const detail = "Changes that are not saved will be lost.";
    return (
      dialog.showMessageBoxSync(window, {
        type: "question",
        buttons,
        cancelId: 1,
        message,
        detail,
      }) === 0
    );
  }

  async function showError({ message, hint, code, log: lines }) {
    const window = mainWindow();
    let shown = false;
    // A page of the backend that was loading when it died may end our load with its own: Chromium drops ours,
    // and Electron takes the end of the one for the end of the other.
    for (let attempt = 0; !shown && attempt < ERROR_PAGE_ATTEMPTS; attempt += 1) {
      const loaded = window.isDestroyed() ? Promise.resolve() : window.loadURL(pageUrl("error"));
      await loaded.catch((error) => log(`cannot show the error page: ${error.message}`));
      shown = window.isDestroyed() || window.webContents.getURL() === pageUrl("error");
    }
    if (!window.isDestroyed()) {
      fillPage(window.webContents, { message, hint, code, folder: appData, log: lines });
    }
  }

  const choosesBackup = () => main?.webContents.getURL() === pageUrl("restore");

  /** The contents of the page; null where a person stays on another one. */
  async function showRestorePage() {
    const window = mainWindow();
    await window.loadURL(pageUrl("restore")).catch((error) => log(error.message));
    return choosesBackup() ? window.webContents : null;
  }

  // -- the backend

  async function restartBackend() {
    await restoring.idle();
    if (main?.isVisible()) {
      load(main, pageUrl("splash"));
    }
    supervisor.restart().catch(reportBackend);
  }

  function endBackend() {
    return supervisor.stop().catch(reportBackend);
  }

  function reportBackend(error) {
    log(error.message);
    showError({
      message: "The application could not be started or ended.",
      hint: error.message,
      code: "",
      log: "",
    });
  }

  // -- the end

  app.on("before-quit", () => {
    quitting = true;
  });
  app.on("window-all-closed", () => {
    if (process.platform !== "darwin") {
      app.quit();
    }
  });
  app.on("activate", () => {
    if (!main && !splash) {
      if (supervisor.isReady) {
        load(mainWindow(), getOrigin() + manifest.home);
      } else {
        showSplash();
        restoring.idle().then(() => supervisor.start()); // it may have been stopped, or given up
      }
    }
  });
  // Every window has agreed to close: requests in flight are finished, then the backend ends, then the shell.
  app.on("will-quit", (event) => {
    if (!backendGone) {
      event.preventDefault();
      Promise.all([supervisor.close(), restoring.idle()])
        .catch((error) => log(error.message))
        .then(() => {
          log("ended");
          backendGone = true;
          app.quit();
        });
    }
  });
  powerMonitor.on("shutdown", (event) => {
    event.preventDefault(); // Linux and macOS wait a little for the quit
    sessionEnding = true;
    app.quit();
  });

  // -- begin

  showSplash();
  if (manifest.feed && app.isPackaged) {
    const { createUpdates, strictUpdater } = await import("./updates.js");
    const checkForUpdates = createUpdates({
      updater: strictUpdater(),
      name,
      log,
      ask: async (message, detail, buttons) =>
        (
          await showMessage({
            type: "info",
            message,
            detail,
            buttons,
            cancelId: buttons.length - 1,
          })
        ).response,
      stopBackend: async () => {
        await supervisor.close();
        app.releaseSingleInstanceLock(); // the new version may start before this one has gone
      },
      restart: () => {
        app.relaunch();
        app.quit();
      },
    });
    actions.checkForUpdates = () => checkForUpdates();
    supervisor.once("ready", () => checkForUpdates({ quiet: true }));
  }
  const template = menuTemplate({
    name,
    platform: process.platform,
    developer,
    spelling: spelling.wanted(),
    actions,
  });
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
  if (developer) {
    echoLog(backendLog, process.stderr);
    const { watchSources } = await import("./sourcewatch.js");
    const restart = () => choosesBackup() || supervisor.restart().catch(reportBackend);
    watchSources(place.project, restart);
  }
  if (options.devTools) {
    app.once("browser-window-focus", () => main?.webContents.openDevTools({ mode: "detach" }));
  }
}
