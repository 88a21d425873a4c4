import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { shellCommand, shellDir } from "../lib/electron.js";
import {
  family,
  impostor,
  isAlive,
  open,
  prepare,
  shoot,
  spawnShell,
  test,
  until,
} from "../lib/windows.js";

const HEADER = "X-Desktop-Django-Token";
const SLOW_PAGE_MS = 3000;
const ROUNDS = Number(process.env.SHELL_TEST_ROUNDS ?? 3);

const goneWithin = (pids, ms) => until(() => pids.every((pid) => !isAlive(pid)), ms);

test("a second launch reaches nothing but the first one's window", async (t) => {
  const prepared = prepare();
  const shell = await open(t, prepared);
  const main = await shell.main();
  await shell.shown();
  await shell.app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows();
    window.minimize();
    globalThis.focused = false;
    window.on("restore", () => (globalThis.focused = true));
    window.focus = () => (globalThis.focused = true);
  });
  const pid = shell.backendPid();
  const { executablePath, args, env } = await shellCommand(prepared.project, prepared);
  const second = spawn(executablePath, args, { env, stdio: "ignore" });
  const [code] = await once(second, "exit");
  assert.equal(code, 0);
  await until(() => shell.app.evaluate(() => globalThis.focused));
  assert.equal(shell.starts().length, 1);
  assert.equal(shell.backendPid(), pid);
  assert.equal(await main.evaluate(() => fetch("/child").then(({ status }) => status)), 200);
});

test("a killed backend comes back on its page; killed a fourth time it is explained; Try again works", async (t) => {
  const shell = await open(t, prepare());
  const main = await shell.main();
  const url = new URL("/somewhere", main.url()).href;
  await main.goto(url);
  for (let kills = 1; kills <= 3; kills += 1) {
    const pid = shell.backendPid();
    process.kill(pid, "SIGKILL");
    await until(
      () => shell.starts().length === kills + 1 && shell.backendPid() && shell.backendPid() !== pid,
    );
    await until(
      () =>
        main
          .evaluate(() => fetch("/child").then(({ status }) => status))
          .then(
            (status) => status === 200,
            () => false,
          ),
      15_000,
    );
    await until(() => shell.log().match(/ready at/g).length === kills + 1);
    assert.equal(main.url(), url);
  }
  process.kill(shell.backendPid(), "SIGKILL");
  const page = await shell.error();
  await until(() => page.textContent("#message").then((text) => text.includes("several times")));
  assert.equal(shell.starts().length, 4);
  await shoot(page, "error-crashed");
  await page.click("text=Try again");
  await shell.main();
  assert.equal(shell.starts().length, 5);
  assert.equal(new Set(shell.starts().map(([, port]) => port)).size, 1);
  assert.equal(new Set(shell.starts().map(([, , token]) => token)).size, 5);
});

test("Try again shows the app, however long its own page takes", async (t) => {
  const shell = await open(t, prepare());
  await shell.main();
  await shell.shown();
  await shell.app.evaluate(async ({ BrowserWindow }, delay) => {
    const [window] = BrowserWindow.getAllWindows();
    await window.loadURL("desktop-shell://pages/error");
    const loadURL = window.loadURL.bind(window);
    window.loadURL = async (url) => {
      if (url.endsWith("/splash")) {
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
      return loadURL(url);
    };
  }, SLOW_PAGE_MS);
  await (await shell.error()).click("text=Try again");
  await until(() => shell.log().match(/ready at/g).length === 2);
  await new Promise((resolve) => setTimeout(resolve, SLOW_PAGE_MS));
  await shell.main();
});

test("whoever takes a dead backend's port gets no token from any page, and the pages move to the new one", async (t) => {
  const shell = await open(t, prepare({ mode: "remains" }));
  const main = await shell.main();
  const url = new URL(main.url());
  await main.goto(`${url.origin}/somewhere`);
  await shell.shown();
  const child = shell.app.waitForEvent("window");
  // As a page opens one; on Electron 9 Playwright's debugger would stop the page that does.
  await shell.app.evaluate(({ BrowserWindow }, address) => {
    const webPreferences = { partition: "persist:app", sandbox: true, contextIsolation: true };
    new BrowserWindow({ webPreferences }).loadURL(address);
  }, `${url.origin}/elsewhere`);
  for (const page of [main, await child]) {
    await page.evaluate(() => {
      const socket = location.href.replace("http", "ws");
      setInterval(() => fetch(`/polled?at=${Date.now()}`).catch(() => {}), 10);
      setInterval(() => new WebSocket(`${socket}?at=${Date.now()}`), 10);
    });
  }
  process.kill(shell.backendPid(), "SIGKILL");
  const requests = await impostor(t, Number(url.port));
  // What was asked before, Chromium may still have had in hand; the token in it opens nothing any more.
  const taken = Date.now() + 500;
  const moved = (path) => (page) => page.url() === `http://127.0.0.1:${port()}${path}`;
  const port = () => shell.starts().at(-1)[1];
  await until(() => shell.starts().length >= 2 && port() !== url.port, 20_000);
  for (const path of ["/somewhere", "/elsewhere"]) {
    await until(() => shell.app.windows().some(moved(path)), 20_000);
  }
  const at = (request) => Number(new URL(request.url, url).searchParams.get("at"));
  assert.deepEqual(
    requests.filter((request) => at(request) > taken),
    [],
  );
  const token = shell.starts().at(-1)[2];
  assert.ok(requests.every(({ headers }) => headers[HEADER.toLowerCase()] !== token));
});

test(`a killed shell leaves no process within 2 seconds, and starts again (${ROUNDS} times)`, {
  skip: process.platform !== "linux",
}, async (t) => {
  const prepared = prepare({ source: join(dirname(shellDir), "..") });
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const shell = await spawnShell(t, prepared);
    await until(() => isAlive(shell.backendPid()) && shell.log().includes("window shown"), 30_000);
    const processes = family(shell.child.pid);
    assert.ok(processes.includes(shell.backendPid()));
    const begun = Date.now();
    shell.child.kill("SIGKILL");
    await goneWithin(processes, 2000);
    times.push(Date.now() - begun);
  }
  t.diagnostic(`all gone after ${times.sort((a, b) => a - b).join(", ")} ms`);
});

test("a request that runs is completed when the app is quit", async (t) => {
  const shell = await open(t, prepare());
  const main = await shell.main();
  main.evaluate(() => fetch("/busy?seconds=2")).catch(() => {});
  await until(() => shell.read("visits").includes("/busy"));
  const pid = shell.backendPid();
  await shell.quit();
  assert.equal(shell.read("worked"), "done");
  assert.equal(shell.read("stopped"), "clean");
  assert.equal(isAlive(pid), false);
  assert.match(shell.log(), /ended\n$/);
});

test("closing the window ends the app, and a terminated shell ends cleanly", {
  skip: process.platform === "darwin",
}, async (t) => {
  const shell = await open(t, prepare());
  await shell.main();
  await shell.shown();
  const ended = once(shell.child, "exit");
  shell.app
    .evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].close())
    .catch(() => {});
  await ended;
  assert.equal(shell.read("stopped"), "clean");
  const terminated = await spawnShell(t, prepare());
  await until(() => terminated.log().includes("ready at"));
  terminated.child.kill("SIGTERM");
  await terminated.ended;
  assert.equal(terminated.read("stopped"), "clean");
});

test("a page with unsaved changes can keep its window", async (t) => {
  const shell = await open(t, prepare());
  await shell.main();
  // Playwright answers the page's own question, so the event that follows it is raised by hand.
  const left = await shell.app.evaluate(({ BrowserWindow, dialog }) => {
    const [{ webContents }] = BrowserWindow.getAllWindows();
    return [1, 0].map((answer) => {
      let prevented = false;
      dialog.showMessageBoxSync = () => answer;
      webContents.emit("will-prevent-unload", { preventDefault: () => (prevented = true) });
      return prevented;
    });
  });
  assert.deepEqual(left, [false, true]);
});

test("a change of the source restarts the backend on the same port with a new token and reloads the page", async (t) => {
  const prepared = prepare();
  const shell = await open(t, prepared);
  const main = await shell.main();
  const before = await main.textContent("#pid");
  writeFileSync(join(prepared.project, "views.py"), "changed = True\n");
  await until(() =>
    main.textContent("#pid").then(
      (pid) => pid !== before,
      () => false,
    ),
  );
  const [first, second] = shell.starts();
  assert.equal(first[1], second[1]);
  assert.notEqual(first[2], second[2]);
  assert.ok(existsSync(join(shell.appData, "stopped")));
});
