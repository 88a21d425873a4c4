// Starts, follows, restarts and stops the backend process. Imports nothing of Electron, so that it runs on plain Node too.
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { closeSync, rmSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { lastLines, openLog } from "./logs.js";
import { choosePort, rememberedPorts, rememberPort } from "./ports.js";
import { endRecorded, endRemains, killTree, startTime } from "./processes.js";
import { progressText } from "./progress.js";
import { createToken, HEADER } from "./token.js";
import { came } from "./trace.js";

export const HOST = "127.0.0.1";
export const MAX_RESTARTS = 3;
const RESTART_WINDOW_MS = 5 * 60 * 1000;
const BACKOFF_MS = [200, 1000, 3000];
// Longer than all that the backend waits for, requests and workers: killed earlier, it leaves no clean record.
export const GRACE_MS = 10_000;
const REMAINS_MS = 2000;
const ASK_AGAIN_MS = 250;
const LAST_EVENTS_MS = 500;
const PORT_ATTEMPTS = 10;
const EXIT_PORT_TAKEN = 11;
const LOG_LINES = 25;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** False when `promise` has not settled within `ms` milliseconds. */
function settles(promise, ms) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  return Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer));
}

/**
 * Emits
 *   "progress" (text)                        while the backend starts
 *   "spawned" ()                             its process is there
 *   "listening" ({origin})                   it may be asked, and answers when it can
 *   "ready" ({origin, event})                it answers; `event` is its own `ready` event, if it has come
 *   "gone" ()                                it ended unasked, this moment: its port is anybody's
 *   "down" (outcome)                         it ended unasked and will be restarted
 *   "failed" ({message, hint, code, report, log})  it will not be restarted; `report` is for the developer
 *   "event" (object)                         everything the backend reports
 */
export class Supervisor extends EventEmitter {
  #options;
  #wanted = false;
  #closed = false;
  #work = Promise.resolve();
  #run = null;
  #port = null;
  #taken = [];
  #crashes = [];
  #wake = () => {};

  /**
   * launch      {command, args, cwd, env} of backendCommand()
   * healthPath  answers 200 once the backend serves
   * logFile     takes the backend's standard error
   * state       ShellState: port and the running backend are remembered there
   */
  constructor({ launch, healthPath, logFile, state, graceMs = GRACE_MS, backoffMs = BACKOFF_MS }) {
    super();
    this.#options = { launch, healthPath, logFile, state, graceMs, backoffMs };
  }

  /**
   * `http://127.0.0.1:PORT` while the backend holds that port, else null. The token is sent to nothing else: when the
   * backend has ended, its port is anybody's.
   */
  get origin() {
    return this.#run?.origin ?? null;
  }

  /** The secret of the backend that runs now, known to no other one; null without a backend. */
  get token() {
    return this.#run?.token ?? null;
  }

  get isReady() {
    return this.#run?.ready ?? false;
  }

  get pid() {
    return this.#run?.child.pid ?? null;
  }

  /** Starts the backend unless it runs; forgets earlier crashes. */
  start() {
    this.#wanted = !this.#closed;
    this.#crashes = [];
    this.#taken = [];
    return this.#queue(async () => {
      if (!this.#run) {
        await this.#endLeftover();
      }
      await this.#spawn();
    });
  }

  /** Lets the backend finish its requests, then ends it. Throws when it survives even the forced end. */
  stop() {
    this.#wanted = false;
    this.#wake();
    return this.#queue(() => this.#end());
  }

  /** Stops for good: whatever is asked afterwards, no backend is started any more. */
  close() {
    this.#closed = true;
    return this.stop();
  }

  /** Stops and starts again on the same port, with a new token. */
  restart() {
    this.emit("progress", "Starting again");
    this.stop();
    return this.start();
  }

  // One of spawn, stop and restart at a time, in the order they were asked for.
  #queue(task) {
    const done = this.#work.then(task);
    this.#work = done.catch(() => {});
    return done;
  }

  async #endLeftover() {
    const { state, graceMs } = this.#options;
    const leftover = state.get("backend");
    if (leftover?.pid && leftover.started) {
      this.emit("progress", "Waiting for the previous run to end");
      await endRecorded(leftover, graceMs);
      state.set("backend", undefined);
    }
  }

  async #spawn() {
    const { launch, logFile, state } = this.#options;
    if (!this.#wanted || this.#run) {
      return;
    }
    if (this.#port === null || this.#taken.includes(this.#port)) {
      this.#port = await choosePort({ remembered: rememberedPorts(state), taken: this.#taken });
    }
    const log = openLog(logFile);
    const token = createToken();
    const child = spawn(launch.command, launch.args, {
      cwd: launch.cwd,
      env: {
        ...launch.env,
        DESKTOP_DJANGO_HOST: HOST,
        DESKTOP_DJANGO_PORT: String(this.#port),
        DESKTOP_DJANGO_AUTH_TOKEN: token,
      },
      stdio: ["pipe", "pipe", log],
      windowsHide: true,
    });
    closeSync(log);
    came("Python spawned");
    this.emit("spawned");
    const run = {
      child,
      port: this.#port,
      token,
      origin: null,
      ready: false,
      spoke: false,
      served: false,
      over: false,
      stopping: false,
      failure: null,
      event: null,
    };
    this.#run = run;
    run.exited = new Promise((resolve) => {
      // At once: what follows waits for other processes, and meanwhile somebody else may take the port.
      const over = (outcome) => {
        Object.assign(run, { over: true, origin: null, ready: false });
        if (!run.stopping) {
          this.emit("gone");
        }
        resolve(outcome);
      };
      child.once("error", (error) => over({ error }));
      child.once("exit", (code, signal) => over({ code, signal }));
    });
    child.stdin.on("error", () => {}); // it may end before the lifeline does
    createInterface({ input: child.stdout }).on("line", (line) => this.#follow(run, line));
    run.settled = run.exited.then((outcome) => this.#ended(run, outcome));
    if (child.pid) {
      const started = await startTime(child.pid);
      if (this.#run === run && started) {
        state.set("backend", { pid: child.pid, started });
      }
    }
  }

  #follow(run, line) {
    let event;
    try {
      event = JSON.parse(line);
    } catch {
      return; // the contract allows nothing but events here; a foreign line is no reason to stop
    }
    run.spoke = true;
    this.emit("event", event);
    if (event?.event === "listening" && event.port === run.port && !run.over) {
      run.origin = `http://${HOST}:${run.port}`;
      came("backend listens");
      rememberPort(this.#options.state, run.port);
      this.emit("progress", "Starting");
      this.emit("listening", { origin: run.origin });
      this.#askHealth(run);
    } else if (event?.event === "rehearsing" || event?.event === "migrating") {
      this.emit("progress", progressText(event));
    } else if (event?.event === "ready") {
      run.event = event;
    } else if (event?.event === "stopping") {
      run.origin = null; // unasked, or at a signal
    } else if (event?.event === "failed") {
      run.failure = event;
    }
  }

  // The backend answers when it is ready, however long that takes: one request, asked again only when its connection is lost.
  #askHealth(run) {
    const { healthPath } = this.#options;
    const again = () => setTimeout(() => this.#askHealth(run), ASK_AGAIN_MS);
    if (run.over || run.stopping || run.ready) {
      return;
    }
    const request = http.get({
      host: HOST,
      port: run.port,
      path: healthPath,
      headers: { [HEADER]: run.token },
      agent: false,
    });
    request.once("error", again);
    request.once("response", (response) => {
      response.resume();
      if (response.statusCode !== 200) {
        again();
      } else if (!run.over && !run.stopping) {
        run.ready = run.served = true;
        came("backend ready");
        this.emit("ready", { origin: run.origin, event: run.event });
      }
    });
  }

  // Half of a .pyc, which a full disk leaves, can stop Python before its first line of ours: the next start compiles anew.
  #forgetBytecode() {
    const { DESKTOP_DJANGO_APP_DATA_DIR: appData } = this.#options.launch.env;
    try {
      rmSync(join(appData, "pycache"), { recursive: true, force: true });
    } catch {
      // What cannot be removed is no reason to hide why the backend ended.
    }
  }

  async #ended(run, outcome) {
    const { child } = run;
    const { state } = this.#options;
    if (child.pid) {
      await settles(once(child.stdout, "close"), child.stdout.destroyed ? 0 : LAST_EVENTS_MS);
      await endRemains(child.pid, REMAINS_MS);
    }
    child.stdin.destroy();
    if (!run.spoke) {
      this.#forgetBytecode();
    }
    this.#run = null;
    state.set("backend", undefined);
    if (run.stopping) {
      return;
    }
    if (outcome.error) {
      this.#fail({
        message: `Python could not be started (${outcome.error.code}).`,
        hint: `The shell tried ${this.#options.launch.command}.`,
      });
    } else if (outcome.code === EXIT_PORT_TAKEN && this.#taken.length < PORT_ATTEMPTS) {
      this.#taken.push(run.port);
      this.#queue(() => this.#spawn());
    } else if (run.failure) {
      this.#fail(run.failure);
    } else if (!run.served && outcome.code !== null) {
      // It ended unasked before it served: another try would end the same way.
      this.#fail({ message: `The application could not start (exit code ${outcome.code}).` });
    } else {
      this.#recover(outcome);
    }
  }

  #recover(outcome) {
    const now = Date.now();
    this.#crashes = this.#crashes.filter((time) => now - time < RESTART_WINDOW_MS);
    if (this.#crashes.length >= MAX_RESTARTS) {
      this.#fail({ message: "The application stopped working several times in a short while." });
      return;
    }
    const { backoffMs } = this.#options;
    const delay = backoffMs[Math.min(this.#crashes.length, backoffMs.length - 1)];
    this.#crashes.push(now);
    this.emit("down", outcome);
    this.#queue(async () => {
      await Promise.race([pause(delay), new Promise((resolve) => (this.#wake = resolve))]);
      await this.#spawn();
    });
  }

  #fail({ message, hint = "", code = "", report = "" }) {
    this.#wanted = false;
    const log = lastLines(this.#options.logFile, LOG_LINES);
    this.emit("failed", { message, hint, code, report, log });
  }

  async #end() {
    const run = this.#run;
    if (!run) {
      return;
    }
    run.stopping = true;
    run.origin = null; // its first act is to let go of the port
    run.child.stdin.end();
    if (!(await settles(run.exited, this.#options.graceMs))) {
      await killTree(run.child.pid);
      if (!(await settles(run.exited, this.#options.graceMs))) {
        throw new Error(`The backend (process ${run.child.pid}) could not be ended.`);
      }
    }
    await run.settled;
  }
}
