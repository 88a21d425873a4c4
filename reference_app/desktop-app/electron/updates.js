// Connected updates. Loaded only in a packaged app with a feed; nothing is fetched or installed without consent.
import electronUpdater from "electron-updater";

/** The updater of this platform with the rules of this shell; the feed and the publisher are in the packaged app-update.yml. */
export function strictUpdater(updater = electronUpdater.autoUpdater) {
  return Object.assign(updater, {
    autoDownload: false,
    autoInstallOnAppQuit: false, // never while a session ends: a half-written app is worse than an old one
    allowDowngrade: false,
    allowPrerelease: false,
  });
}

/**
 * Returns a function that looks for an update and leads a person through it; with {quiet: true} it speaks only when
 * there is one. `app` has the `updater`, a `name`, `log`, and
 *
 * ask(message, detail, buttons)  resolves to the index of the chosen button
 * stopBackend()                  resolves once the backend is confirmed dead and will not be started again
 * restart()                      starts the app anew after a failed installation
 */
export function createUpdates(app) {
  const { updater, log } = app;
  updater.logger = { info: log, warn: log, error: log, debug: () => {} };
  let running = false;
  return async ({ quiet = false } = {}) => {
    if (running) {
      return;
    }
    running = true;
    try {
      await look(app, quiet);
    } finally {
      running = false;
    }
  };
}

async function look(app, quiet) {
  const { updater, name, ask, log } = app;
  let found;
  try {
    found = await updater.checkForUpdates();
  } catch (error) {
    log(`update check failed: ${error.message}`);
    if (!quiet) {
      await ask("Updates cannot be checked now.", "The update server did not answer as expected.", [
        "OK",
      ]);
    }
    return;
  }
  if (!found?.isUpdateAvailable) {
    if (!quiet) {
      await ask(`${name} is up to date.`, "", ["OK"]);
    }
    return;
  }
  const { version } = found.updateInfo;
  if (
    (await ask(`${name} ${version} is available.`, "Download it now?", ["Download", "Later"])) === 0
  ) {
    await download(app, version);
  }
}

async function download(app, version) {
  const { updater, name, ask, log } = app;
  try {
    await updater.downloadUpdate();
  } catch (error) {
    log(`update failed: ${error.message}`);
    await ask(
      "The update was not installed.",
      "It could not be fetched completely and unaltered. Nothing was changed.",
      ["OK"],
    );
    return;
  }
  const choice = await ask(`${name} ${version} is ready.`, "Restart to install it?", [
    "Restart",
    "Later",
  ]);
  if (choice === 0) {
    await install(app);
  }
}

async function install({ updater, ask, stopBackend, restart, log }) {
  try {
    await stopBackend();
  } catch (error) {
    log(`update put off: ${error.message}`);
    await ask(
      "The update was not installed.",
      "The application is still busy. Nothing was changed.",
      ["OK"],
    );
    return;
  }
  updater.once("error", async (error) => {
    log(`installation failed: ${error.message}`);
    await ask("The update was not installed.", "The installed version starts again.", ["OK"]);
    restart();
  });
  updater.quitAndInstall();
}
