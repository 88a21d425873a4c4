// Wires the shell together: one instance, one backend, one main window.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, dialog, protocol } from "electron";
import { ManifestError, readManifest } from "./manifest.js";
import { SCHEME } from "./pages.js";
import {
  appDataFolder,
  debuggingSwitch,
  locateProject,
  privateFolder,
  readOptions,
} from "./places.js";
import { keepFilesPrivate } from "./processes.js";
import { start } from "./starting.js";
import { beginTrace, came } from "./trace.js";

came("modules loaded");
keepFilesPrivate();
const electronDir = dirname(fileURLToPath(import.meta.url));
const options = readOptions({ argv: process.argv, env: process.env, packaged: app.isPackaged });
const place = locateProject({
  electronDir,
  resources: process.resourcesPath,
  packaged: app.isPackaged,
  staged: options.staged,
});

function refuse(reason) {
  console.error(reason);
  dialog.showErrorBox("This application cannot start", reason);
  return null;
}

function loadManifest() {
  const word = app.isPackaged && debuggingSwitch(process.argv);
  if (word) {
    return refuse(
      `It was started with ${word}, and would be open to a debugger. Start it without.`,
    );
  }
  try {
    return readManifest(place.manifest);
  } catch (error) {
    if (!(error instanceof ManifestError)) {
      throw error;
    }
    return refuse(error.message);
  }
}

const manifest = loadManifest();
if (manifest) {
  const appData =
    options.appData ||
    appDataFolder({
      identifier: manifest.identifier,
      mode: place.mode,
      platform: process.platform,
      env: process.env,
      home: app.getPath("home"),
    });
  app.setName(manifest.name);
  app.setAppUserModelId?.(manifest.identifier); // Windows only: one entry in the task bar
  privateFolder(appData);
  app.setPath("userData", privateFolder(join(appData, "shell"))); // also decides whose instance lock this is
  protocol.registerSchemesAsPrivileged([SCHEME]);
  // Nothing is fetched unasked, Chromium's dictionaries neither. While a session is being made this has no effect.
  app.on("session-created", (session) =>
    process.nextTick(() => session.setSpellCheckerLanguages([])),
  );
  if (app.requestSingleInstanceLock()) {
    came("manifest read, only instance");
    beginTrace();
    app.on("second-instance", () => {
      const seen = (each) => each.isVisible() || each.isMinimized();
      const [window] = BrowserWindow.getAllWindows().filter(seen);
      if (window?.isMinimized()) {
        window.restore();
      }
      window?.focus();
    });
    start({ electronDir, manifest, options, place, appData }).catch((error) => {
      dialog.showErrorBox("This application cannot start", error.stack);
      app.exit(1);
    });
  } else {
    app.exit(0);
  }
} else {
  app.exit(1);
}
