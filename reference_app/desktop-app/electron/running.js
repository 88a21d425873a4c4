// What the running app is made of, in one object: what it was started with, and what changes while it runs.
import { EventEmitter } from "node:events";

/** Emits "main" (window) when there is a new main window. */
export class Running extends EventEmitter {
  main = null;
  splash = null;
  findBar = null;
  /** The backup or export that is being written: {window, stop}. */
  backingUp = null;
  /** Python and Django of the backend, once it has told them. */
  versions = null;
  /** On a migration that failed, for the developer: it has nothing of a person's data. */
  report = "";
  /** The origin whose first page is being loaded before it is ready. */
  asked = null;
  /** What the backend last told of its start. */
  progress = "";
  /** The origin of the pages that are open. */
  served = null;
  quitting = false;
  /** The system ends the session, and will not wait for questions. */
  sessionEnding = false;

  /**
   * parts: electronDir, manifest, options, place, appData, logFolder, backendLog, icon, interpreter, launch
   *        (backendCommand), log (function), remembered (ShellState), supervisor;
   * later, once Chromium is ready: session, pageOptions, restoring, spelling
   */
  constructor(parts) {
    super();
    Object.assign(this, parts);
  }

  get name() {
    return this.manifest.name;
  }

  get origin() {
    return this.supervisor.origin;
  }

  /** A window made from now on would never be closed. */
  get ending() {
    return this.quitting && !this.main;
  }

  /** Whether the main window shows this page of the shell. */
  shows(page) {
    return this.main?.webContents.getURL() === page;
  }
}
