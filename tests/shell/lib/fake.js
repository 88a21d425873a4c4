// A supervisor around the fake backend, on plain Node.
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const tests = join(dirname(fileURLToPath(import.meta.url)), "..");
export const shellDir = join(tests, "..", "..", "reference_app", "desktop-app", "electron");
export const fakeProject = join(tests, "fake_project");
export const python = process.env.SHELL_TEST_PYTHON || "python3";
export const load = (name) => import(join(shellDir, name));

const { backendCommand } = await load("launch.js");
const { ShellState } = await load("state.js");
const { Supervisor } = await load("supervisor.js");

/** A zombie counts as dead. */
export const isAlive = (pid) => {
  if (!pid) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return (
      process.platform !== "linux" ||
      !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
    );
  } catch {
    return false;
  }
};

export async function until(condition, ms = 10_000) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${condition}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const folders = [];
process.on("exit", () => {
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A fresh folder that is removed when the tests have ended. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "shéll test "));
  folders.push(folder);
  return folder;
}

/** A server that takes `port` as soon as it is free; the heads of all requests it got. */
export async function impostor(t, port) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url, headers: request.headers });
    response.end("impostor");
  });
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const listen = () =>
    new Promise((resolve) => {
      server.once("error", () => resolve(false)).once("listening", () => resolve(true));
      server.listen(port, "127.0.0.1");
    });
  await until(listen);
  return requests;
}

/** The command that starts the fake backend. */
export function fakeLaunch({ appData, mode = "", command = python }) {
  const place = {
    bundle: fakeProject,
    project: fakeProject,
    mode: "development",
    launcher: join(fakeProject, "desktop-app", "launch.py"),
  };
  return backendCommand({
    place,
    interpreter: { python: command, env: {} },
    appData,
    env: { ...process.env, FAKE_MODE: mode },
    environmentNames: ["FAKE_MODE"],
  });
}

export function fakeSupervisor(
  t,
  { mode = "", appData = temporaryFolder(), command = python, ...rest } = {},
) {
  const launch = fakeLaunch({ appData, mode, command });
  const supervisor = new Supervisor({
    launch,
    healthPath: "/health/",
    logFile: join(appData, "logs", "backend-stderr.log"),
    state: new ShellState(join(appData, "shell.json")),
    backoffMs: [50, 50, 50],
    ...rest,
  });
  const history = [];
  for (const name of ["progress", "ready", "down", "failed"]) {
    supervisor.on(name, (value) => history.push([name, value]));
  }
  t.after(() => supervisor.stop());
  const file = (name) =>
    existsSync(join(appData, name)) ? readFileSync(join(appData, name), "utf8") : "";
  const starts = () =>
    file("starts")
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" "));
  const next = async (name) => (await once(supervisor, name))[0];
  return { supervisor, launch, appData, history, file, starts, next };
}
