// The shell in real windows, around the fake backend or a real project.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { test as nodeTest } from "node:test";
import { copyProject, electron, launchShell, shellCommand, shellDir } from "./electron.js";
import { fakeProject, impostor, isAlive, temporaryFolder, until } from "./fake.js";

export { electron, impostor, isAlive, temporaryFolder, until };

// One page, red all over, as the checks of a shell have it.
const redPage = join(shellDir, "..", "..", "..", "checks", "red.pdf");
const TEST_MS = 120_000;
const END_MS = 20_000;

/** A test of node:test that fails when it hangs. */
export const test = (name, ...rest) => {
  const [work, options] = rest.reverse();
  nodeTest(name, { timeout: TEST_MS, ...options }, work);
};

const SHOTS = process.env.SHELL_TEST_SCREENSHOTS;

/** Saves what a person would see, when a folder for that was named. */
export async function shoot(page, name) {
  if (SHOTS) {
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }
}

function observe(appData) {
  const read = (name) =>
    existsSync(join(appData, name)) ? readFileSync(join(appData, name), "utf8") : "";
  return {
    appData,
    read,
    log: () => read("logs/shell.log"),
    starts: () =>
      read("starts")
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(" ")),
    backendPid: () => JSON.parse(read("shell.json") || "{}").backend?.pid,
  };
}

/** {project, appData, env} of a shell around a fresh copy of `source`. */
export function prepare({ source = fakeProject, mode = "", target = "", appData, env = {} } = {}) {
  const folder = temporaryFolder();
  const project = copyProject(source, folder);
  if (source === fakeProject) {
    copyFileSync(redPage, join(project, "desktop-app", "red.pdf"));
  }
  return {
    project,
    appData: appData ?? join(folder, "app data"),
    env: { ...env, FAKE_MODE: mode, FAKE_TARGET: target },
  };
}

/** The shell under Playwright, with what a test looks at; it is ended with the test. */
export async function open(t, prepared) {
  const app = await launchShell(prepared.project, prepared);
  const child = app.process();
  const ended = once(child, "exit");
  const observed = observe(prepared.appData);
  const quit = async () => {
    if (isAlive(child.pid)) {
      app.evaluate(({ app: it }) => it.quit()).catch(() => {});
      await until(() => !isAlive(child.pid), END_MS).catch(() => {
        child.kill("SIGKILL");
        throw new Error(`the shell did not end within ${END_MS} ms\n${observed.log()}`);
      });
      await ended;
    }
  };
  t.after(async () => {
    await quit();
    assert.doesNotMatch(observed.log(), /unexpected/);
  });
  const windowWith = async (prefix) => {
    let found;
    await until(
      () =>
        (found = app
          .windows()
          .find((window) => !window.isClosed() && window.url().startsWith(prefix))),
      20_000,
    ).catch(() => {
      const urls = app.windows().map((window) => window.url());
      throw new Error(`no window with ${prefix}, but ${urls}\n${observed.log()}`);
    });
    await found.waitForLoadState();
    return found;
  };
  return {
    ...observed,
    app,
    child,
    quit,
    splash: () => windowWith("desktop-shell://pages/splash"),
    main: () => windowWith("http://127.0.0.1:"),
    error: () => windowWith("desktop-shell://pages/error"),
    /** The main window replaced the splash. */
    shown: () => until(() => observed.log().includes("window shown"), 20_000),
    /** Number of windows a person sees. */
    visible: () =>
      app.evaluate(
        ({ BrowserWindow }) =>
          BrowserWindow.getAllWindows().filter((each) => each.isVisible()).length,
      ),
  };
}

/** The shell as a plain process, for what Playwright's debugger would disturb. */
export async function spawnShell(t, prepared) {
  mkdirSync(prepared.appData, { recursive: true });
  const { executablePath, args, env } = await shellCommand(prepared.project, prepared);
  const child = spawn(executablePath, args, { env, stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  return { ...observe(prepared.appData), child, ended: once(child, "exit") };
}

/** Every process below `pid`, itself included (Linux). */
export function family(pid) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // it has ended in the meantime
    }
  }
  const found = [pid];
  for (const parent of found) {
    found.push(...[...parents].filter(([, its]) => its === parent).map(([child]) => child));
  }
  return found;
}

/** A foreign `server` on loopback that remembers what reached it. */
export async function foreignServer(t) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url, headers: request.headers });
    response.end("foreign");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { server, url: `http://127.0.0.1:${server.address().port}`, requests };
}

/** Puts stand-ins for the system's openers before PATH; returns a function that lists what they were asked to open. */
export function recordSystem(prepared) {
  const folder = join(prepared.project, "system");
  const list = join(folder, "opened");
  mkdirSync(folder);
  writeFileSync(list, "");
  for (const name of ["xdg-open", "xdg-email"]) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "$1" >> "${list}"\n`, { mode: 0o755 });
  }
  prepared.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
  return () => readFileSync(list, "utf8").trim().split("\n").filter(Boolean);
}
