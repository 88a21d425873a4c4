// The first moments: Python is started before what windows need is loaded, so that it imports while Chromium gets ready.
import { once } from "node:events";
import { join } from "node:path";
import { app } from "electron";
import { chooseInterpreter } from "./interpreter.js";
import { backendCommand } from "./launch.js";
import { createLog } from "./logs.js";
import { appIcon } from "./places.js";
import { Running } from "./running.js";
import { ShellState } from "./state.js";
import { Supervisor } from "./supervisor.js";
import { came } from "./trace.js";

const TOLD = ["progress", "event", "listening", "ready", "down", "failed"];

/** `parts`: {electronDir, manifest, options, place, appData}. */
export async function start(parts) {
  const running = prepare(parts);
  // Electron's own answer is a dialog that holds up everything, the end of the backend included.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => running.log(`unexpected: ${error?.stack ?? error}`));
  }
  const { supervisor } = running;
  const displayReady = app.whenReady();
  const spawned = once(supervisor, "spawned"); // a former run may have to end first
  const opened = Promise.race([spawned, displayReady]).then(() => open(running, displayReady));
  for (const event of TOLD) {
    supervisor.on(event, (told) =>
      opened.then((follow) => running.ending || follow[event](told)).catch(running.log),
    );
  }
  supervisor.start().catch((error) => opened.then((follow) => follow.broken(error)));
  await opened;
}

async function open(running, displayReady) {
  const { openShell } = await import("./shell.js");
  came("modules for windows loaded");
  await displayReady;
  came("Chromium ready");
  return openShell(running);
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
  came("state read");
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
