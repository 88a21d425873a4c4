import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  electron,
  foreignServer,
  open,
  prepare,
  recordSystem,
  spawnShell,
  test,
  until,
} from "../lib/windows.js";

const HEADER = "X-Desktop-Django-Token";

/** The shell on its hostile page; what would leave the app is recorded instead. */
async function hostile(t) {
  const foreign = await foreignServer(t);
  const shell = await open(t, prepare({ target: foreign.url }));
  const main = await shell.main();
  await shell.app.evaluate(({ shell: system, dialog }) => {
    globalThis.opened = [];
    system.openExternal = async (url) => globalThis.opened.push(url);
    system.openPath = async (path) => globalThis.opened.push(path);
    globalThis.questions = [];
    dialog.showMessageBox = (...box) =>
      new Promise((answer) => globalThis.questions.push({ ...box.pop(), answer }));
  });
  const origin = new URL(main.url()).origin;
  await main.goto(`${origin}/hostile`, { waitUntil: "load" });
  return {
    ...shell,
    foreign,
    page: main,
    origin,
    opened: () => shell.app.evaluate(() => globalThis.opened),
    /** What was asked and is not answered. */
    questions: () => shell.app.evaluate(() => globalThis.questions.map(({ detail }) => detail)),
    answer: (response) =>
      shell.app.evaluate((_electron, number) => {
        globalThis.questions.shift().answer({ response: number });
      }, response),
    /** A key, as a person presses it. */
    press: () =>
      shell.app.evaluate(({ BrowserWindow }) => {
        const [{ webContents }] = BrowserWindow.getAllWindows();
        webContents.sendInputEvent({ type: "keyDown", keyCode: "Shift" });
      }),
  };
}

test("the token is sent to the backend's exact origin only, and no page waits for a foreign server", async (t) => {
  const begun = Date.now();
  const shell = await hostile(t);
  const [, , token] = shell.starts().at(-1);
  const own = await shell.page.evaluate(() => fetch("/headers").then((answer) => answer.json()));
  assert.equal(own[HEADER], token);
  await shell.page.evaluate(
    (url) => fetch(url, { mode: "no-cors" }).catch(() => {}),
    shell.foreign.url,
  );
  await shell.page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url.replace("http:", "ws:"));
        socket.onclose = resolve;
      }),
    shell.foreign.url,
  );
  assert.deepEqual(shell.foreign.requests, []);
  assert.match(shell.log(), new RegExp(`refused request to ${shell.foreign.url}/pixel.png`));
  assert.ok(Date.now() - begun < 60_000);
  const everywhere = [
    shell.page.url(),
    await shell.page.content(),
    shell.log(),
    shell.read("logs/backend-stderr.log"),
    shell.read("shell.json"),
  ];
  assert.ok(everywhere.every((text) => !text.includes(token)));
});

test("links that leave go to the system, hostile ones nowhere", async (t) => {
  const shell = await hostile(t);
  const { page, origin } = shell;
  await shell.press();
  for (const id of ["external", "foreign", "redirect", "file", "action"]) {
    await page.evaluate((name) => document.getElementById(name).click(), id);
    await page.waitForTimeout(200);
    assert.equal(page.url(), `${origin}/hostile`, id);
  }
  await page.evaluate(() => {
    location.href = "data:text/html,gone";
  });
  await page.waitForTimeout(300);
  assert.equal(page.url(), `${origin}/hostile`);
  assert.deepEqual(await shell.opened(), ["https://example.org/page"]);
  assert.deepEqual(shell.foreign.requests, []);
  assert.equal(shell.starts().length, 1);
  assert.equal(
    await shell.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length),
    1,
  );
});

test("the shell asks about what a page opens without a click, once at a time", async (t) => {
  const shell = await hostile(t);
  const leave = (path) =>
    shell.page.evaluate((address) => {
      location.href = address;
    }, `https://example.org/${path}`);
  await leave("first?everything=it-knows");
  await until(async () => (await shell.questions()).length === 1);
  await leave("second");
  await until(() => shell.log().includes("refused to open https://example.org/second"));
  assert.deepEqual(await shell.questions(), ["https://example.org/first?everything=it-knows"]);
  await shell.answer(1);
  await leave("third");
  await until(async () => (await shell.questions()).length === 1);
  assert.deepEqual(await shell.opened(), []);
  await shell.answer(0);
  await until(async () => (await shell.opened()).length === 1);
  await shell.press();
  await leave("fourth");
  await until(async () => (await shell.opened()).length === 2);
  await leave("fifth"); // one key, one address
  await until(async () => (await shell.questions()).length === 1);
  assert.deepEqual(await shell.opened(), [
    "https://example.org/third",
    "https://example.org/fourth",
  ]);
  await shell.answer(1);
  assert.equal(shell.page.url(), `${shell.origin}/hostile`);
});

// Without Playwright: on Electron 9 its debugger stops a page whose new window was refused.
test("new windows are children of the same origin, go to the system, or do not open", async (t) => {
  const foreign = await foreignServer(t);
  const prepared = prepare({ mode: "popups", target: foreign.url });
  const system = recordSystem(prepared);
  const shell = await spawnShell(t, prepared);
  await until(() => shell.read("visits").includes("/bridge/openAppDataFolder\n"));
  await until(() => shell.log().includes("asks whether to open https://example.org/blank"));
  await until(() => shell.log().includes("refused to open mailto:someone@example.org"));
  await until(() => shell.log().includes("closed a window that had nothing to show"));
  assert.ok(shell.log().includes(`refused to go to ${foreign.url}/redirected`));
  // Chromium itself refuses the file.
  for (const refused of [`${foreign.url}/popup`, "desktop-shell://pages/error"]) {
    assert.ok(shell.log().includes(`refused to open a window for ${refused}`), refused);
  }
  assert.deepEqual([...foreign.requests, ...system()], []);
  shell.child.kill("SIGTERM");
  await shell.ended;
});

test("the bridge is exactly what is documented and opens the data folder", async (t) => {
  const shell = await hostile(t);
  const bridge = await shell.page.evaluate(() =>
    Object.entries(window.desktop).map(([name, value]) => [name, typeof value]),
  );
  assert.deepEqual(bridge, [["openAppDataFolder", "function"]]);
  assert.equal(await shell.page.evaluate(() => window.desktop.openAppDataFolder()), undefined);
  assert.deepEqual(await shell.opened(), [shell.appData]);
});

test("permissions are refused", async (t) => {
  const { page } = await hostile(t);
  // Electron 9 answers such questions without asking anybody; what is requested it does ask for.
  const names = electron.legacy
    ? []
    : ["geolocation", "notifications", "camera", "microphone", "midi"];
  const states = await page.evaluate(async (names) => {
    const asked = await Promise.all(
      names.map((name) =>
        navigator.permissions.query({ name }).then(
          ({ state }) => state,
          () => "denied",
        ),
      ),
    );
    const media = await navigator.mediaDevices.getUserMedia({ audio: true }).then(
      () => "granted",
      () => "denied",
    );
    const notification = await Notification.requestPermission();
    const place = await new Promise((resolve) =>
      navigator.geolocation.getCurrentPosition(
        () => resolve("granted"),
        () => resolve("denied"),
      ),
    );
    return [...asked, media, notification, place];
  }, names);
  assert.ok(
    states.every((state) => state === "denied"),
    states.join(),
  );
});

test("a download asks where to, and its end is shown", async (t) => {
  const shell = await hostile(t);
  const target = join(shell.appData, "saved.txt");
  await shell.app.evaluate(({ session, dialog }, path) => {
    globalThis.shown = [];
    dialog.showMessageBox = async (...box) => {
      globalThis.shown.push(box.pop().message);
      return { response: 0 };
    };
    session.fromPartition("persist:app").on("will-download", (_event, item) => {
      globalThis.suggested = item.getSaveDialogOptions().defaultPath;
      item.setSavePath(path);
    });
  }, target);
  await shell.page.evaluate(() => document.getElementById("download").click());
  await until(async () => (await shell.app.evaluate(() => globalThis.shown)).length === 1);
  assert.equal(readFileSync(target, "utf8"), "the report");
  assert.match(await shell.app.evaluate(() => globalThis.suggested), /report\.txt$/);
  assert.match((await shell.app.evaluate(() => globalThis.shown))[0], /was saved/);
  assert.ok(existsSync(target));
});

test("finding in a page works without a script of its own", async (t) => {
  const shell = await hostile(t);
  const find = (label) =>
    shell.app.evaluate(({ Menu }, name) => {
      const all = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
      all.find((item) => item.label === name).click();
    }, label);
  await find("Find…");
  let bar;
  await until(
    () =>
      (bar = shell.app.windows().find((window) => window.url() === "desktop-shell://pages/find")),
  );
  await bar.fill("input", "pony");
  await bar.press("input", "Enter");
  await until(() => bar.textContent("#matches").then((text) => text === "1 of 2"));
  await bar.press("input", "Enter");
  await until(() => bar.textContent("#matches").then((text) => text === "2 of 2"));
  await shell.app.evaluate(({ BrowserWindow }) => {
    const { webContents } = BrowserWindow.getAllWindows().find((each) =>
      each.webContents.getURL().endsWith("/find"),
    );
    webContents.sendInputEvent({ type: "keyDown", keyCode: "Escape" });
  });
  await until(() => bar.isClosed());
});

test("Home, Back and Forward of the menu move the page", async (t) => {
  const { app, page, origin } = await hostile(t);
  const choose = (label) =>
    app.evaluate(({ Menu }, name) => {
      const all = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
      all.find((item) => item.label === name).click();
    }, label);
  await choose("Home");
  await until(() => page.url() === `${origin}/home`);
  await choose("Back");
  await until(() => page.url() === `${origin}/hostile`);
  await choose("Forward");
  await until(() => page.url() === `${origin}/home`);
});

test("a dictionary is fetched for nobody who did not ask for it", async (t) => {
  const shell = await open(t, prepare());
  await shell.main();
  await shell.shown();
  const languages = await shell.app.evaluate(async ({ session }) => {
    const all = [session.fromPartition("persist:app"), session.defaultSession];
    await new Promise((resolve) => setTimeout(resolve, 50)); // a session is made by naming it
    return all.map((each) => each.getSpellCheckerLanguages());
  });
  assert.deepEqual(languages, [[], []]);
});
