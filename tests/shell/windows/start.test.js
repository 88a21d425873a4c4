import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fakeProject } from "../lib/fake.js";
import { electron, family, isAlive, open, prepare, shoot, test, until } from "../lib/windows.js";

test(`Electron ${electron.version}: a splash tells how far a long start is, then the painted window replaces it`, async (t) => {
  const shell = await open(t, prepare({ mode: "slow" }));
  const splash = await shell.splash();
  await until(() =>
    splash.textContent("#progress").then((text) => text.startsWith("Preparing your data")),
  );
  assert.equal(await splash.textContent("#name"), "Fake Project");
  assert.equal(await splash.evaluate(() => document.documentElement.dataset.ink), "light");
  await shoot(splash, "splash-neutral");
  const main = await shell.main();
  assert.equal(await main.title(), "home");
  await until(async () => (await shell.visible()) === 1 && splash.isClosed());
  const { protocol, host } = new URL(main.url());
  assert.equal(`${protocol}//${host}`, shell.log().match(/ready at (\S+)/)[1]);
});

test("windows are isolated, sandboxed and without Node", async (t) => {
  const shell = await open(t, prepare());
  const main = await shell.main();
  assert.deepEqual(await main.evaluate(() => [typeof require, typeof process, typeof module]), [
    "undefined",
    "undefined",
    "undefined",
  ]);
  const preferences = await shell.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getLastWebPreferences()),
  );
  for (const {
    sandbox,
    contextIsolation,
    nodeIntegration,
    webSecurity,
    webviewTag,
  } of preferences) {
    assert.deepEqual(
      [sandbox, contextIsolation, nodeIntegration, webviewTag ?? false],
      [true, true, false, false],
    );
    assert.notEqual(webSecurity, false);
  }
});

test("a backend that is killed while its first page is awaited brings no empty window, and then the page", async (t) => {
  const shell = await open(t, prepare({ mode: "late" }));
  await shell.splash();
  const asked = () =>
    shell.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().some(
        ({ webContents }) => webContents.isLoadingMainFrame() && !webContents.getURL(),
      ),
    );
  await until(asked, 20_000);
  await shell.app.evaluate(({ BrowserWindow }) => {
    globalThis.shown = [];
    for (const window of BrowserWindow.getAllWindows()) {
      window.on("show", () => globalThis.shown.push(window.webContents.getTitle()));
    }
  });
  process.kill(shell.backendPid(), "SIGKILL");
  await until(() => shell.starts().length === 2);
  await shell.shown();
  assert.match(shell.log(), /cannot show a page.*ready at.*window shown/s);
  const shown = await shell.app.evaluate(() => globalThis.shown);
  // The splash may only come now.
  assert.deepEqual(
    shown.filter((title) => title !== "Starting"),
    ["home"],
  );
});

test("closing the splash while the backend starts ends everything", async (t) => {
  const shell = await open(t, prepare({ mode: "slow" }));
  const splash = await shell.splash();
  await until(() => shell.backendPid());
  const processes = process.platform === "linux" ? family(shell.child.pid) : [shell.child.pid];
  const ended = once(shell.child, "exit");
  await splash.evaluate(() => window.close()).catch(() => {});
  await ended;
  await until(() => processes.every((pid) => !isAlive(pid)), 2000);
  assert.equal(shell.read("stopped"), "clean");
});

test("windows that are closed just before they would be shown keep nothing alive", async (t) => {
  const shell = await open(t, prepare({ mode: "slow" }));
  await until(() =>
    shell.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length === 2),
  );
  const ended = once(shell.child, "exit");
  await shell.app
    .evaluate(({ BrowserWindow }) => {
      const windows = BrowserWindow.getAllWindows();
      for (const event of ["ready-to-show", "show"]) {
        for (const window of windows) {
          window.isDestroyed() || window.destroy();
          window.emit(event);
        }
      }
    })
    .catch(() => {});
  await ended;
  assert.match(shell.log(), /ended$/m);
});

test("what the shell writes is its user's alone, also in a folder that was open to others", {
  skip: process.platform === "win32",
}, async (t) => {
  const prepared = prepare();
  mkdirSync(prepared.appData);
  chmodSync(prepared.appData, 0o755);
  const shell = await open(t, prepared);
  await shell.shown();
  const all = [prepared.appData];
  for (const path of all) {
    const found = lstatSync(path, { throwIfNoEntry: false }); // Chromium renames some
    assert.ok(!found || found.isSymbolicLink() || !(found.mode & 0o077), path);
    if (found?.isDirectory()) {
      all.push(...readdirSync(path).map((name) => join(path, name)));
    }
  }
  assert.ok(all.length > 10);
});

test("a remembered port that somebody else has is left to him", async (t) => {
  const prepared = prepare();
  const received = [];
  const foreign = createServer((socket) => socket.on("data", (data) => received.push(data)));
  foreign.listen(0, "127.0.0.1");
  await once(foreign, "listening");
  t.after(() => foreign.close());
  const { port } = foreign.address();
  mkdirSync(prepared.appData, { recursive: true });
  writeFileSync(join(prepared.appData, "shell.json"), JSON.stringify({ port }));
  const shell = await open(t, prepared);
  assert.notEqual(new URL((await shell.main()).url()).port, String(port));
  assert.deepEqual(received, []);
});

test("a port taken between choice and bind leads to another one", async (t) => {
  const shell = await open(t, prepare({ mode: "taken" }));
  const { port } = new URL((await shell.main()).url());
  assert.notEqual(port, shell.read("taken"));
});

test("size, place and port come back", async (t) => {
  const prepared = prepare();
  const first = await open(t, prepared);
  const url = (await first.main()).url();
  await first.shown();
  await first.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0].setBounds({ x: 40, y: 60, width: 700, height: 500 }),
  );
  await first.quit();
  assert.ok(JSON.parse(first.read("shell.json")).startMs > 0);
  const second = await open(t, prepared);
  assert.equal((await second.main()).url(), url);
  const bounds = await second.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().pop().getBounds(),
  );
  assert.deepEqual([bounds.width, bounds.height], [700, 500]);
});

test("a backend that refuses to start is explained, with its log, and can be tried again", async (t) => {
  const shell = await open(t, prepare({ mode: "fail13" }));
  const page = await shell.error();
  await until(() => page.textContent("#message").then(Boolean));
  assert.equal(await page.textContent("#message"), "The data was written by a newer version.");
  assert.equal(await page.textContent("#hint"), "Do this.");
  assert.equal(await page.textContent("#code"), "DDK-RUN-13");
  assert.equal(await page.textContent("#folder"), shell.appData);
  assert.match(await page.textContent("#log"), /fake backend starts/);
  assert.equal(await page.isVisible("#copy-report"), false);
  await shell.shown();
  await shoot(page, "error-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "error-dark");
  await page.setViewportSize({ width: 480, height: 640 }).catch(() => {});
  await page.click("text=Try again");
  await until(() => shell.starts().length === 2);
});

test("a migration that failed has a report, which a button copies", async (t) => {
  const shell = await open(t, prepare({ mode: "fail14" }));
  const page = await shell.error();
  await until(() => page.textContent("#report").then(Boolean));
  assert.equal(await page.textContent("#report"), "a report");
  await page.click("text=Copy the report");
  await until(() => page.textContent("#copy-report").then((text) => text === "Copied"));
  assert.equal(await shell.app.evaluate(({ clipboard }) => clipboard.readText()), "a report");
});

test("a missing interpreter is explained", async (t) => {
  const shell = await open(t, prepare({ env: { PYTHON: "/nowhere/python" } }));
  const page = await shell.error();
  await until(() => page.textContent("#message").then(Boolean));
  assert.match(await page.textContent("#hint"), /\/nowhere\/python/);
});

test("after a while the splash offers more than waiting, and keeps what it knows", async (t) => {
  const update = await (await open(t, prepare({ mode: "hang,update" }))).splash();
  const shell = await open(t, prepare({ mode: "hang" }));
  const splash = await shell.splash();
  await splash.waitForSelector("text=Retry", { timeout: 20_000 });
  assert.match(await splash.textContent("#progress"), /Still working/);
  await shoot(splash, "splash-still-working");
  await update.waitForSelector("text=Retry", { timeout: 20_000 });
  const left = "Preparing your data (0 of 1), about 3 minutes left";
  assert.equal(await update.textContent("#progress"), left);
  await shoot(update, "splash-update");
  await splash.click("text=Retry");
  await until(() => shell.starts().length === 2);
});

test("a staged bundle runs with its own interpreter, whatever the environment says", {
  skip: process.platform === "win32",
}, async (t) => {
  const prepared = prepare({ mode: "fail13", env: { PYTHON: "/nowhere/python" } });
  const staged = join(prepared.project, "desktop-app", "staged");
  mkdirSync(join(staged, "python", "bin"), { recursive: true });
  const find = ["-c", "import sys; print(sys._base_executable)"];
  const real = execFileSync(process.env.SHELL_TEST_PYTHON || "python3", find, { encoding: "utf8" });
  symlinkSync(real.trim(), join(staged, "python", "bin", "python3"));
  cpSync(fakeProject, join(staged, "app"), { recursive: true });
  const shell = await open(t, { ...prepared, args: ["--staged"] });
  assert.equal(await (await shell.main()).title(), "home");
  assert.match(shell.log(), /staged.python.bin.python3 \(the bundle\)/);
});
