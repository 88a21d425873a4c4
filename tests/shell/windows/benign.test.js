// What ordinary pages of an office app do, in the real window.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  foreignServer,
  open,
  prepare,
  spawnShell,
  temporaryFolder,
  test,
  until,
} from "../lib/windows.js";

/** The system's own pointer and keys; what only these can do is left out, with a word, where they are not. */
const hand = (...words) => execFileSync("xdotool", words.map(String), { stdio: "pipe" });
const hasHand = (() => {
  try {
    return Boolean(hand("version"));
  } catch {
    return false;
  }
})();
const byHand = {
  skip: !hasHand && "needs the system's own pointer and keys, which xdotool moves on Linux",
};

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

test("real keys and buttons reach the page", byHand, async (t) => {
  const shell = await office(t);
  await shell.inMain((window) => {
    window.setBounds({ x: 0, y: 0, width: 800, height: 600 });
    window.focus();
  });
  const seen = () => shell.read("visits").match(/\/office/g).length;
  const level = () => shell.inMain((window) => window.webContents.zoomLevel);
  /** Again and again: a window takes nothing before it has the focus. */
  const leadsTo = (words, condition) =>
    until(async () => {
      hand(...words);
      return condition();
    }, 20_000);
  hand("mousemove", 400, 300);
  for (const key of ["F5", "ctrl+r"]) {
    const before = seen();
    await leadsTo(["key", key], () => seen() > before);
    await shell.page.waitForLoadState();
  }
  await leadsTo(["key", "ctrl+KP_Add"], async () => (await level()) > 0);
  await leadsTo(["key", "ctrl+KP_0"], async () => (await level()) === 0);
  await leadsTo(["key", "ctrl+KP_Subtract"], async () => (await level()) < 0);
  await leadsTo(["keydown", "ctrl", "click", 4, "keyup", "ctrl"], async () => (await level()) > 0);
  // One step each, whether the shell or Chromium itself takes it.
  await shell.page.goto(`${shell.origin}/on`);
  for (const [button, place] of [
    [8, "/office"],
    [9, "/on"],
  ]) {
    hand("click", button);
    await until(() => shell.page.url() === `${shell.origin}${place}`, 20_000);
    await shell.page.waitForTimeout(500);
    assert.equal(shell.page.url(), `${shell.origin}${place}`);
  }
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
    const date = document.getElementById("date");
    date.value = "nonsense";
    const nonsense = date.value;
    date.value = "2026-11-29";
    await Promise.race([
      document.documentElement.requestFullscreen(),
      new Promise((_, refused) => setTimeout(refused, 20_000, new Error("no full screen"))),
    ]);
    const fullscreen = document.fullscreenElement !== null;
    await document.exitFullscreen();
    return {
      opened,
      fullscreen,
      dialog: document.getElementById("dialog").open,
      dates: [nonsense, date.value],
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
      fullscreen: true,
      dialog: true,
      dates: ["", "2026-11-29"],
      notifications: "denied",
      camera: "",
    },
  );
  assert.notEqual(said.camera, "granted");
  assert.match(shell.log(), /refused permission notifications/);
});

test("a file that is chosen is sent", async (t) => {
  const shell = await office(t);
  const file = join(temporaryFolder(), "list ü.txt");
  writeFileSync(file, "what was chosen");
  await shell.page.setInputFiles("#file", file);
  await shell.page.fill("#date", "2026-11-29");
  await shell.page.click("form button");
  await until(() => shell.page.url() === `${shell.origin}/uploaded`);
  for (const sent of ["what was chosen", 'filename="list ü.txt"', "2026-11-29"]) {
    assert.ok(shell.read("sent").includes(sent), sent);
  }
});

test("a file that is dropped is the page's, and beside its place nobody's", byHand, async (t) => {
  const shell = await office(t);
  const file = join(temporaryFolder(), "note.txt");
  writeFileSync(file, "what was dropped");
  const drag = async (y, place) => {
    await shell.app.evaluate(
      async ({ BrowserWindow, nativeImage }, [path, icon]) => {
        const [main] = BrowserWindow.getAllWindows().filter((each) => each.isVisible());
        main.setBounds({ x: 300, y: 0, width: 600, height: 500 });
        const source = new BrowserWindow({ x: 0, y: 0, width: 200, height: 200, frame: false });
        await source.loadURL("data:text/html,a folder");
        globalThis.startDrag = () =>
          source.webContents.startDrag({
            file: path,
            icon: nativeImage.createFromPath(icon).resize({ width: 32 }),
          });
        globalThis.endDrag = () => source.destroy();
      },
      [file, join(import.meta.dirname, "../../../reference_app/desktop-app/icons/icon.png")],
    );
    const begun = async () => {
      hand("mousemove", 100, 100, "mousedown", 1);
      await shell.app.evaluate(() => {
        setTimeout(globalThis.startDrag);
      });
      let step = 0;
      await until(async () => {
        hand("mousemove", 500 + 5 * (step++ % 2), y); // a drag begins, and goes on, by movements
        // The answer to the first events is still on its way: a drop would be refused.
        const over = await shell.page.evaluate(() => window.overs > 4 && window.over);
        return over === place;
      }, 5_000);
    };
    // The system does not take every press for the beginning of a drag.
    await until(
      () =>
        begun().then(
          () => true,
          () => hand("mousemove", 100, 100, "mouseup", 1) === null,
        ),
      40_000,
    );
    hand("mouseup", 1);
    await shell.app.evaluate(() => globalThis.endDrag());
  };
  const mark = await shell.page.evaluate(() => {
    addEventListener("dragover", ({ target }) => {
      window.overs = window.over === target.id ? window.overs + 1 : 1;
      window.over = target.id;
    });
    window.mark = Math.random();
    return window.mark;
  });
  await drag(420, "drop");
  await until(() => shell.read("sent") === "what was dropped", 20_000);
  await drag(80, "");
  await drag(420, "drop");
  await until(() => shell.read("visits").match(/\/dropped/g)?.length === 2, 20_000);
  assert.equal(shell.page.url(), `${shell.origin}/office`);
  assert.equal(await shell.page.evaluate(() => window.mark), mark);
});

test("a button copies to the clipboard, which no page reads", async (t) => {
  const shell = await office(t);
  await shell.page.click("#copy");
  await until(() => shell.read("visits").includes("/copied"), 20_000);
  assert.equal(await shell.app.evaluate(({ clipboard }) => clipboard.readText()), "copied");
  const read = await shell.page.evaluate(() =>
    navigator.clipboard.readText().then(
      () => "read",
      ({ name }) => name,
    ),
  );
  assert.equal(read, "NotAllowedError");
});

test("questions of a page are asked; Electron knows no prompt()", async (t) => {
  const shell = await office(t);
  const asked = [];
  shell.page.on("dialog", (dialog) => {
    asked.push(`${dialog.type()} ${dialog.message()}`);
    dialog.accept();
  });
  const answers = await shell.page.evaluate(() => {
    alert("saved");
    const sure = confirm("sure?");
    try {
      return [sure, prompt("name?")];
    } catch {
      return [sure, null]; // so in Electron 9
    }
  });
  assert.deepEqual(asked.slice(0, 2), ["alert saved", "confirm sure?"]);
  assert.deepEqual(answers, [true, null]);
});

test("a page prints, and goes on", byHand, async (t) => {
  const shell = await office(t);
  await shell.page.evaluate(() => {
    setTimeout(() => print());
  });
  await until(() => shell.read("visits").includes("/beforeprint"), 20_000);
  await until(() => {
    hand("key", "Escape"); // the system's dialog takes its time to open
    return shell.read("visits").includes("/afterprint");
  }, 30_000);
  assert.equal(await shell.page.evaluate(() => document.title), "office");
});

test("a receipt in a window of its own prints", byHand, async (t) => {
  const shell = await spawnShell(t, prepare({ mode: "receipt" }));
  await until(() => shell.read("visits").includes("/receipt/beforeprint"), 20_000);
  await until(() => {
    hand("key", "Escape");
    return shell.read("visits").includes("/receipt/afterprint");
  }, 30_000);
  shell.child.kill("SIGTERM");
  await shell.ended;
});

test("a service worker answers, and what it passes on has the token", async (t) => {
  const shell = await office(t);
  const [kept, passed] = await shell.page.evaluate(async () => {
    await navigator.serviceWorker.register("/worker.js");
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((resolve) => {
        navigator.serviceWorker.oncontrollerchange = resolve;
      });
    }
    return [
      await fetch("/kept").then((answer) => answer.text()),
      await fetch("/headers").then((answer) => answer.status),
    ];
  });
  assert.deepEqual([kept, passed], ["kept", 200]);
});

/** Servers of this computer for STUN and TURN; `received` is what reached them. */
async function peers(t) {
  const received = [];
  const datagrams = createSocket("udp4");
  datagrams.on("message", () => received.push("a datagram"));
  datagrams.bind(0, "127.0.0.1");
  await once(datagrams, "listening");
  const connections = createServer((socket) => {
    received.push("a connection");
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(connections, "listening");
  t.after(() => {
    datagrams.close();
    connections.close();
  });
  const [udp, tcp] = [datagrams, connections].map((each) => each.address().port);
  const account = { username: "me", credential: "secret" };
  const iceServers = [
    { urls: `stun:127.0.0.1:${udp}` },
    { urls: `turn:127.0.0.1:${udp}`, ...account },
    { urls: `turn:127.0.0.1:${tcp}?transport=tcp`, ...account },
    { urls: `turns:127.0.0.1:${tcp}?transport=tcp`, ...account },
  ];
  return { received, iceServers };
}

/** What a page learns of the ways to it. */
const gather = (page, iceServers) =>
  page.evaluate(async (servers) => {
    const found = [];
    const connection = new RTCPeerConnection({ iceServers: servers });
    const gathered = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) =>
        candidate ? found.push(candidate.candidate) : resolve();
    });
    connection.createDataChannel("data");
    await connection.setLocalDescription(await connection.createOffer());
    await Promise.race([gathered, new Promise((resolve) => setTimeout(resolve, 10_000))]);
    connection.close();
    return found.filter((each) => / udp /i.test(each));
  }, iceServers);

const NOBODY = "PROXY 127.0.0.1:9";
const wayTo = (shell, url) =>
  shell.inMain((window, to) => window.webContents.session.resolveProxy(to), url);

test("WebRTC reaches no server and learns no address", async (t) => {
  const shell = await office(t);
  const { received, iceServers } = await peers(t);
  assert.deepEqual([await gather(shell.page, iceServers), received], [[], []]);
  for (const own of [shell.origin, shell.origin.replace("http", "ws")]) {
    assert.equal(await wayTo(shell, own), "DIRECT");
  }
});

test("a dictionary comes as the system has it, then WebRTC connects to nobody again", async (t) => {
  const { received, iceServers } = await peers(t);
  const { server, url } = await foreignServer(t);
  const asked = [];
  let answer;
  server.on("connect", (request, socket) => {
    asked.push(request.url);
    answer = () => socket.destroy();
  });
  // So Chromium finds the system's proxy on Linux, where no desktop says otherwise.
  const prepared = prepare({ env: { https_proxy: url, XDG_CURRENT_DESKTOP: "" } });
  mkdirSync(prepared.appData, { recursive: true });
  writeFileSync(join(prepared.appData, "shell.json"), JSON.stringify({ spelling: true }));
  const shell = await office(t, prepared);
  await until(() => asked.length, 20_000);
  assert.match(asked[0], /gvt1\.com:443$/);
  assert.notEqual(await wayTo(shell, "https://example.org/"), NOBODY);
  const refused = async () => {
    answer(); // it may be asked for more than once
    return (await wayTo(shell, "https://example.org/")) === NOBODY;
  };
  await until(refused, 20_000);
  assert.deepEqual([await gather(shell.page, iceServers), received], [[], []]);
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
