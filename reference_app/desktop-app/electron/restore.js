// Runs what launch.py does beside the backend, as the backend is run: `backup` and `export` write all data, `restore` lists the
// backups there are and puts one of them, or a file, in place, `password` lets the next start ask for a new one.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const ERROR_BYTES = 16 * 1024;
const UNKNOWN = { message: "The data of the app cannot be reached.", code: "" };

/** `task.told(part)` is called with how much is done, from 0 to 1; `task.stop()`, which is set here, cancels the work. */
function run({ command, args, cwd, env }, words, task) {
  return new Promise((resolve) => {
    const stdio = ["pipe", "pipe", "pipe"];
    const child = spawn(command, [...args, ...words], { cwd, env, stdio, windowsHide: true });
    let [answer, stderr] = [{}, ""];
    child.stdin.on("error", () => {}); // it has ended
    task.stop = () => child.stdin.end();
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = parse(line);
      if (said.event === "progress") {
        task.told?.(said.total ? said.done / said.total : 1);
      } else {
        answer = said;
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.once("error", (error) => resolve({ answer, code: null, stderr: error.message }));
    child.once("close", (code) => resolve({ answer, code, stderr }));
  });
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** What it printed; throws {message, hint, code} as it gave them, or with the end of its standard error. */
async function ask(launch, words, task = {}) {
  const { answer, stderr, code } = await run(launch, words, task);
  if (code === 0 && !answer.error) {
    return answer;
  }
  const unknown = { ...UNKNOWN, hint: stderr.slice(-ERROR_BYTES).trim() };
  throw { ...(answer.error?.message ? {} : unknown), ...answer.error };
}

/** The backups, newest first: [{name, database, made, bytes, sound}]. `launch` is that of backendCommand(). */
export async function listBackups(launch) {
  const { backups } = await ask(launch, ["restore", "--list"]);
  return Array.isArray(backups) ? backups : [];
}

/** Puts a backup, or a file, in place of the data; {restored, set_aside}. The backend must have ended. */
export const restoreBackup = (launch, name, task) => ask(launch, ["restore", name], task);

/** Verifies a file: {app, version, made, rows, files, bytes}, or {cancelled}. */
export const showBackup = (launch, file, task) => ask(launch, ["restore", "--show", file], task);

/** Writes all data to a file, while the backend runs or not; answers as showBackup() does. */
export const writeBackup = (launch, file, task) => ask(launch, ["backup", file], task);

/** Writes all data into a folder, as files that other programs read; answers as writeBackup() does. */
export const writeExport = (launch, folder, task) => ask(launch, ["export", folder], task);

/** The next start asks for a new password. The backend must have ended. */
export const renewPassword = (launch) => ask(launch, ["password"]);
