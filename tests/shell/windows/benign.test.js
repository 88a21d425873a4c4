// What ordinary pages of an office app do, in the real window.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { open, prepare, spawnShell, temporaryFolder, test, until } from "../lib/windows.js";

async function office(t, prepared = prepare()) {
  const shell = await open(t, prepared);
  const page = await shell.main();
  const origin = new URL(page.url()).origin;
  await shell.shown();
  await page.goto(`${origin}/office`);
  /** `work(window, argument)` in the main process. */
  const inMain = (work, argument) =>
    shell.app.evaluate(
      ({ BrowserWindow }, [source, value]) =>
        new Function("window", "value", `return (${source})(window, value)`)(
          BrowserWindow.getAllWindows()[0],
          value,
        ),
      [work.toString(), argument],
    );
  return { ...shell, page, origin, inMain };
}

/** How many pixels of the window are as red as the report. */
const redPixels = ({ inMain }) =>
  inMain(async (window) => {
    const picture = (await window.webContents.capturePage()).toBitmap();
    let red = 0;
    for (let place = 0; place < picture.length; place += 4) {
      red += picture[place] < 40 && picture[place + 1] < 40 && picture[place + 2] > 200;
    }
    return red;
  });

for (const place of ["report.pdf", "iframe", "object", "embed"]) {
  test(`a PDF file is shown: ${place}`, async (t) => {
    const shell = await office(t);
    await shell.page.goto(`${shell.origin}/${place}`, { waitUntil: "commit" }).catch(() => {});
    await until(async () => (await redPixels(shell)) > 5000, 30_000).catch(() => {
      throw new Error(`it stays blank\n${shell.log()}`);
    });
    assert.doesNotMatch(shell.log(), /refused request/);
  });
}

// Without Playwright: on Electron 9 its debugger stops a page that opens a window.
test("an empty window is there for a receipt, and a download leaves none", async (t) => {
  const shell = await spawnShell(t, prepare({ mode: "windows" }));
  await until(() => shell.read("visits").includes("/receipt/written"), 20_000);
  await until(() => shell.log().includes("closed a window that had nothing to show"), 20_000);
  assert.ok(shell.read("visits").includes("/report.csv"));
  assert.doesNotMatch(shell.log(), /refused/);
  shell.child.kill("SIGTERM");
  await shell.ended;
});

test("what a page made itself is saved", async (t) => {
  const shell = await office(t);
  const folder = temporaryFolder();
  await shell.inMain((window, place) => {
    window.webContents.session.prependListener("will-download", (_event, item) =>
      item.setSavePath(`${place}/${item.getFilename()}`),
    );
  }, folder);
  for (const [link, name, content] of [
    ["#blob", "list.txt", "a list"],
    ["#data", "note.txt", "note"],
  ]) {
    await shell.page.click(link);
    const saved = join(folder, name);
    await until(() => existsSync(saved) && readFileSync(saved, "utf8") === content, 20_000);
  }
  assert.equal(await shell.visible(), 1);
});

test("F5, the wheel with Ctrl and the buttons at the side of the mouse do what they do everywhere", async (t) => {
  const shell = await office(t);
  const accelerators = await shell.app.evaluate(({ Menu }) =>
    Menu.getApplicationMenu().items.flatMap(({ submenu }) =>
      submenu ? submenu.items.map(({ accelerator }) => accelerator).filter(Boolean) : [],
    ),
  );
  for (const key of [
    "F5",
    "CmdOrCtrl+R",
    "CmdOrCtrl+numadd",
    "CmdOrCtrl+numsub",
    "CmdOrCtrl+num0",
  ]) {
    assert.ok(accelerators.includes(key), key);
  }
  const level = () => shell.inMain((window) => window.webContents.zoomLevel);
  const wheel = (way) =>
    shell.inMain((window, value) => {
      window.webContents.emit("zoom-changed", {}, value);
    }, way);
  await wheel("in");
  assert.equal(await level(), 0.5);
  await wheel("out");
  assert.equal(await level(), 0);
  const press = (command) =>
    shell.inMain((window, value) => {
      window.emit("app-command", {}, value);
    }, command);
  await press("browser-backward");
  await until(() => shell.page.url() === `${shell.origin}/home`);
  await press("browser-forward");
  await until(() => shell.page.url() === `${shell.origin}/office`);
});

test("what pages keep, ask and refuse", async (t) => {
  const shell = await office(t);
  const said = await shell.page.evaluate(async () => {
    const opened = await new Promise((resolve) => {
      const request = indexedDB.open("office");
      request.onsuccess = () => resolve("opened");
      request.onerror = () => resolve("failed");
    });
    document.getElementById("dialog").showModal?.();
    document.getElementById("date").value = "2026-11-29";
    await document.documentElement.requestFullscreen().catch(() => {});
    return {
      opened,
      dialog: document.getElementById("dialog").open,
      date: document.getElementById("date").value,
      notifications: await Notification.requestPermission(),
      camera: await navigator.mediaDevices.getUserMedia({ audio: true }).then(
        () => "granted",
        ({ name }) => name,
      ),
    };
  });
  assert.deepEqual(
    { ...said, camera: "" },
    {
      opened: "opened",
      dialog: true,
      date: "2026-11-29",
      notifications: "denied",
      camera: "",
    },
  );
  assert.notEqual(said.camera, "granted");
  assert.match(shell.log(), /refused permission notifications/);
});

test("a port that was taken once is the app's own again", async (t) => {
  const prepared = prepare();
  const first = await open(t, prepared);
  const origin = new URL((await first.main()).url()).origin;
  await first.quit();
  const other = createServer().listen(Number(new URL(origin).port), "127.0.0.1");
  const second = await open(t, prepared);
  const moved = new URL((await second.main()).url()).origin;
  assert.notEqual(moved, origin);
  await second.quit();
  await new Promise((closed) => other.close(closed));
  const third = await open(t, prepared);
  assert.equal(new URL((await third.main()).url()).origin, origin);
});
