// Identity and end of operating system processes, per platform.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const POLL_MS = 20;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Repeats `condition` until it holds; false when it did not within `ms` milliseconds. */
async function waitFor(condition, ms) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) {
      return false;
    }
    await pause(POLL_MS);
  }
  return true;
}

// pid (name) state ppid pgrp … starttime: the name may hold spaces and parentheses.
function linuxStat(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      alive: fields[0] !== "Z" && fields[0] !== "X",
      group: Number(fields[2]),
      started: fields[19],
    };
  } catch {
    return { alive: false };
  }
}

const START_TIME = {
  linux: async (pid) => {
    const { alive, started } = linuxStat(pid);
    return alive
      ? `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${started}`
      : null;
  },
  darwin: async (pid) => {
    const env = { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
    const { stdout } = await run("ps", ["-o", "state=,lstart=", "-p", String(pid)], { env });
    const [state, ...started] = stdout.trim().split(/\s+/);
    return !state || state.startsWith("Z") ? null : started.join(" ");
  },
  win32: async (pid) => {
    const script = `(Get-Process -Id ${Number(pid)}).StartTime.ToFileTimeUtc()`;
    const args = ["-NoProfile", "-NonInteractive", "-Command", script];
    return (await run("powershell.exe", args, { windowsHide: true })).stdout.trim() || null;
  },
};

/** A text that is unlike for two processes which had the same pid; null when there is no such process (a zombie does not count). */
export async function startTime(pid) {
  try {
    process.kill(pid, 0);
    return await START_TIME[process.platform](pid);
  } catch {
    return null;
  }
}

/** What this process makes is for its user alone (Windows: the access list of the profile says so). */
export function keepFilesPrivate() {
  process.umask(0o077);
}

function groupAlive(group) {
  if (process.platform === "linux") {
    return readdirSync("/proc").some((name) => {
      const stat = /^\d+$/.test(name) ? linuxStat(name) : { alive: false };
      return stat.alive && stat.group === group;
    });
  }
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function signalGroup(pid) {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, "SIGKILL");
      return;
    } catch (error) {
      if (error.code !== "ESRCH") {
        throw error;
      }
    }
  }
}

/** Ends a process and its descendants by force. The backend leads its own process group on POSIX. */
export async function killTree(pid) {
  if (process.platform !== "win32") {
    signalGroup(pid);
    return;
  }
  try {
    await run("taskkill.exe", ["/PID", String(pid), "/T", "/F"], { windowsHide: true });
  } catch {
    // It answers with an error when the process has ended in the meantime; the caller verifies.
  }
}

/** Waits for what is left of an ended backend's process group, then ends it; false when something survives even that. */
export async function endRemains(pid, graceMs) {
  if (process.platform === "win32" || (await waitFor(() => !groupAlive(pid), graceMs))) {
    return true;
  }
  signalGroup(pid);
  return waitFor(() => !groupAlive(pid), graceMs);
}

/** Ends the process with this pid and start time, if it is still that one: first by waiting, then by force. */
export async function endRecorded({ pid, started }, graceMs) {
  const gone = async () => (await startTime(pid)) !== started;
  if (await waitFor(gone, graceMs)) {
    return true;
  }
  await killTree(pid);
  return waitFor(gone, graceMs);
}
