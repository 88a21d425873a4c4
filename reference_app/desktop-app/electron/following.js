// What the backend does, as a person sees it; and its start, restart and end on their behalf.
import { join } from "node:path";
import { BrowserWindow } from "electron";
import { announceKept, announceNotKept, askWhetherToRestart } from "./messages.js";
import { addressAfterRestart } from "./navigation.js";
import { pageUrl } from "./pages.js";
import { renewPassword } from "./restore.js";
import { load, mainWindow, showError, showProgress } from "./screens.js";

/** What to do with each event of the Supervisor, and when it is `broken`. */
export function followBackend(running) {
  const { log } = running;
  return {
    progress: (text) => showProgress(running, text),
    event(event) {
      if (event?.event === "ready") {
        running.versions = { python: event.python, django: event.django };
      } else if (event?.event === "not-backed-up") {
        log(`no scheduled backup: ${event.code} ${event.message}`);
        announceNotKept(running, event);
      }
    },
    listening: ({ origin }) => askForFirstPage(running, origin),
    ready({ origin }) {
      log(`ready at ${origin}`);
      if (running.asked === origin) {
        Object.assign(running, { asked: null, served: origin });
      } else {
        showPages(running, origin);
      }
    },
    down: ({ code, signal }) => log(`the backend ended (${signal ?? code}); it is started again`),
    failed(failure) {
      log(`the backend failed: ${failure.code} ${failure.message}`);
      showError(running, failure);
    },
    broken: (error) => reportBackend(running, error),
  };
}

/**
 * The first page is asked for while Python imports, and answered once it can be: until then its renderer starts. A window
 * that a person sees keeps what it shows.
 */
async function askForFirstPage(running, origin) {
  const window = mainWindow(running);
  if (!window.isVisible()) {
    running.asked = origin;
    if (!(await load(running, window, origin + running.manifest.home))) {
      running.asked = null;
    }
  }
}

// GET, not reload(): a reload would send a form a second time.
function showPages(running, origin) {
  const former = running.served;
  const address = (window) =>
    addressAfterRestart({ shown: window.webContents.getURL(), former, origin });
  const main = mainWindow(running);
  load(running, main, address(main) ?? origin + running.manifest.home);
  for (const child of former === origin ? [] : BrowserWindow.getAllWindows()) {
    if (child !== main && address(child)) {
      load(running, child, address(child));
    }
  }
  running.served = origin;
}

/** As a person asks for it: with a page that tells how far it is. */
export async function restartBackend(running) {
  await running.restoring.idle();
  if (running.main?.isVisible()) {
    // Shown before the backend can be ready: its end would end the load of the page that follows.
    await load(running, running.main, pageUrl("splash"));
  }
  running.supervisor.restart().catch((error) => reportBackend(running, error));
}

/** Starts the app on data that were brought back, and tells where in the data folder those before them are. */
export async function showRestored(running, aside) {
  await restartBackend(running);
  if (aside && !running.quitting) {
    const place = join(running.appData, aside);
    const detail = `What was there before is kept in ${place}`;
    await announceKept(running, { message: "The backup is in place.", detail, place });
  }
}

/** For whoever has forgotten theirs: what asks is a page of the runtime, at the next start. */
export async function askForNewPassword(running) {
  if (!(await askWhetherToRestart(running))) {
    return;
  }
  await running.restoring.idle();
  await endBackend(running);
  try {
    await renewPassword(running.launch);
  } catch ({ message, hint, code }) {
    running.log(`no new password: ${code} ${message}`);
    showError(running, { message, hint, code });
    return;
  }
  await restartBackend(running);
}

/** After a change of the source; not while a backup is chosen, where there must be none. */
export function renewBackend(running) {
  if (!running.shows(pageUrl("restore"))) {
    running.supervisor.restart().catch((error) => reportBackend(running, error));
  }
}

export function endBackend(running) {
  return running.supervisor.stop().catch((error) => reportBackend(running, error));
}

function reportBackend(running, error) {
  running.log(error.message);
  const message = "The application could not be started or ended.";
  showError(running, { message, hint: error.message });
}
