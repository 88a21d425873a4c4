// Runs what launch.py does beside the backend, as the backend is run: `restore` lists the backups there are and puts one of
// them in place, `password` lets the next start ask for a new one.
import { spawn } from "node:child_process";

const ERROR_BYTES = 16 * 1024;
const UNKNOWN = { message: "The data of the app cannot be reached.", code: "" };

function run({ command, args, cwd, env }, words) {
  return new Promise((resolve) => {
    const child = spawn(command, [...args, ...words], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        said[stream] += text;
      });
    }
    child.once("error", (error) => resolve({ ...said, code: null, stderr: error.message }));
    child.once("close", (code) => resolve({ ...said, code }));
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
async function ask(launch, words) {
  const { stdout, stderr, code } = await run(launch, words);
  const answer = parse(stdout);
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

/** Puts a backup in place of the data; {restored, set_aside}. The backend must have ended. */
export const restoreBackup = (launch, name) => ask(launch, ["restore", name]);

/** The next start asks for a new password. The backend must have ended. */
export const renewPassword = (launch) => ask(launch, ["password"]);
