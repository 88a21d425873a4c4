// The end: asked for by a person or by the system, refused by a page, and the last of the backend.
import { app, powerMonitor } from "electron";
import { endBackend } from "./following.js";
import { askWhetherToLeave } from "./messages.js";
import { goHome, showStart } from "./screens.js";

export function followEnd(running) {
  running.on("main", (window) => followMainWindow(running, window));
  app.on("before-quit", () => {
    running.quitting = true;
  });
  app.on("window-all-closed", () => {
    if (process.platform !== "darwin") {
      app.quit();
    }
  });
  app.on("activate", () => reopen(running));
  powerMonitor.on("shutdown", (event) => {
    event.preventDefault(); // Linux and macOS wait a little for the quit
    running.sessionEnding = true;
    app.quit();
  });
  followQuit(running);
}

function followMainWindow(running, window) {
  window.webContents.on("will-prevent-unload", (event) => {
    if (running.sessionEnding || askWhetherToLeave(window)) {
      event.preventDefault();
    } else {
      running.quitting = false;
    }
  });
  // Windows ends the session without any quit event.
  window.on("query-session-end", () => {
    running.sessionEnding = true;
    endBackend(running);
  });
  window.on("session-end", () => endBackend(running));
  window.on("focus", () => {
    if (running.sessionEnding) {
      running.sessionEnding = false; // another program refused the end of the session
      running.supervisor.start();
    }
  });
}

// macOS: the app goes on without a window.
function reopen(running) {
  if (running.main || running.splash) {
    return;
  }
  if (running.supervisor.isReady) {
    goHome(running);
  } else {
    showStart(running);
    running.restoring.idle().then(() => running.supervisor.start()); // it may have been stopped, or given up
  }
}

// Every window has agreed to close: requests in flight are finished, then the backend ends, then the shell.
function followQuit({ supervisor, restoring, log }) {
  let backendGone = false;
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
}
