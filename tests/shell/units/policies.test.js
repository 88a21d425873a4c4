import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { load } from "../lib/fake.js";

const { createToken, HEADER, isBackendUrl, withToken } = await load("token.js");
const { permissionGranted } = await load("permissions.js");
const { senderTrusted } = await load("ipc.js");
const { downloadAllowed, safeFileName } = await load("downloads.js");
const { contextTemplate } = await load("contextmenu.js");
const { menuTemplate } = await load("menu.js");
const { createSpelling, dictionaryFor } = await load("spelling.js");
const { inkFor, placeWindow } = await load("geometry.js");
const { diagnosticsText } = await load("diagnostics.js");

const origin = "http://127.0.0.1:23456";
const token = createToken();

test("a token is 32 random bytes in letters that a header can hold", () => {
  assert.match(token, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(new Set(Array.from({ length: 100 }, createToken)).size, 100);
});

test("the token goes to http and ws of the exact origin", () => {
  for (const url of [`${origin}/`, `${origin}/static/a.js?x`, "ws://127.0.0.1:23456/live"]) {
    assert.equal(withToken({ Accept: "*/*" }, { url, origin, token })[HEADER], token, url);
  }
});

test("the token goes nowhere else", () => {
  const elsewhere = [
    "http://127.0.0.1:2345/",
    "http://127.0.0.1:234567/",
    "http://127.0.0.1/",
    "http://127.0.0.1:23456.example.org/",
    "http://127.0.0.1:23456@example.org/",
    "http://user@127.0.0.1:23456/",
    "https://127.0.0.1:23456/",
    "wss://127.0.0.1:23456/",
    "http://localhost:23456/",
    "http://[::1]:23456/",
    "ftp://127.0.0.1:23456/",
    "http://example.org/http://127.0.0.1:23456/",
    "file:///127.0.0.1:23456/",
    "desktop-shell://pages/splash",
    "nonsense",
    "",
  ];
  for (const url of elsewhere) {
    assert.equal(isBackendUrl(url, origin), false, url);
    assert.deepEqual(withToken({ Accept: "*/*" }, { url, origin, token }), { Accept: "*/*" }, url);
  }
  assert.equal(isBackendUrl(`${origin}/`, null), false);
});

test("a page cannot bring a token of its own", () => {
  const forged = { "x-desktop-django-TOKEN": "forged" };
  assert.deepEqual(withToken(forged, { url: `${origin}/`, origin, token }), { [HEADER]: token });
  assert.deepEqual(withToken(forged, { url: "https://example.org/", origin, token }), {});
});

test("permissions are refused unless the table grants them to the backend's pages", () => {
  const asked = (permission, requester = `${origin}/page`) =>
    permissionGranted({ permission, requester, origin });
  assert.equal(asked("fullscreen"), true);
  assert.equal(asked("clipboard-sanitized-write", origin), true);
  const refused =
    "media geolocation notifications midi midiSysex pointerLock openExternal clipboard-read display-capture hid serial usb " +
    "idle-detection storage-access window-management keyboardLock mediaKeySystem unknown something-new constructor";
  for (const permission of refused.split(" ")) {
    assert.equal(asked(permission), false, permission);
  }
  for (const requester of [
    "https://example.org/",
    "http://127.0.0.1:1/",
    "http://localhost:23456/",
    "null",
    "",
    undefined,
  ]) {
    assert.equal(
      permissionGranted({ permission: "fullscreen", requester: requester ?? "", origin }),
      false,
    );
  }
  assert.equal(
    permissionGranted({ permission: "fullscreen", requester: origin, origin: null }),
    false,
  );
});

test("the bridge answers the main frame of the backend's own pages only", () => {
  assert.equal(senderTrusted({ url: `${origin}/a`, isMainFrame: true, origin }), true);
  const refused = [
    { url: `${origin}/a`, isMainFrame: false },
    { url: "http://127.0.0.1:23457/", isMainFrame: true },
    { url: "http://127.0.0.1:23456.example.org/", isMainFrame: true },
    { url: "desktop-shell://pages/error", isMainFrame: true },
    { url: `blob:${origin}/uuid`, isMainFrame: true },
    { url: "about:blank", isMainFrame: true },
    { url: "", isMainFrame: true },
  ];
  for (const sender of refused) {
    assert.equal(senderTrusted({ ...sender, origin }), false, sender.url);
  }
  assert.equal(senderTrusted({ url: "null", isMainFrame: true, origin: null }), false);
});

test("downloads come from the backend and its pages", () => {
  for (const url of [`${origin}/export`, `blob:${origin}/uuid`, "data:text/csv,a"]) {
    assert.equal(downloadAllowed({ url, origin }), true, url);
  }
  for (const url of [
    "https://example.org/a.exe",
    "file:///etc/passwd",
    "blob:https://example.org/1",
    "http://u@127.0.0.1:23456/",
    "",
  ]) {
    assert.equal(downloadAllowed({ url, origin }), false, url);
  }
});

test("a suggested file name never leaves its folder", () => {
  const names = {
    "report.pdf": "report.pdf",
    "Übersicht 2026.csv": "Übersicht 2026.csv",
    "../../etc/passwd": "passwd",
    "..\\..\\run.bat": "run.bat",
    "C:\\Windows\\run.bat": "run.bat",
    "a:b*c?.txt": "a_b_c_.txt",
    "nul\u0000l": "nul_l",
    "..": "download",
    "": "download",
    "/": "download",
  };
  for (const [suggested, safe] of Object.entries(names)) {
    assert.equal(safeFileName(suggested), safe);
  }
});

test("the context menu offers what can be done with the text", () => {
  const editFlags = { canCut: true, canCopy: true, canPaste: false, canSelectAll: true };
  const template = (params) =>
    contextTemplate({
      params: { editFlags, ...params },
      replaceMisspelling() {},
      addToDictionary() {},
    });
  assert.deepEqual(template({ isEditable: false, selectionText: " " }), []);
  assert.deepEqual(template({ isEditable: false, selectionText: "word" }), [{ role: "copy" }]);
  const roles = template({ isEditable: true }).map(({ role }) => role);
  assert.deepEqual(roles, ["cut", "copy", "paste", "selectAll"]);
  const spelling = template({
    isEditable: true,
    misspelledWord: "poney",
    dictionarySuggestions: ["pony"],
  });
  assert.deepEqual(
    spelling.slice(0, 2).map(({ label }) => label),
    ["pony", "Add to Dictionary"],
  );
});

test("the menu has what the specification lists, updates only where there is a feed", () => {
  const labels = (options) =>
    menuTemplate({ name: "App", developer: false, actions: {}, ...options })
      .flatMap(({ submenu = [] }) => submenu)
      .filter(({ visible }) => visible !== false)
      .map(({ label, role }) => label ?? role)
      .filter(Boolean);
  const wanted = [
    "Back",
    "Forward",
    "Home",
    "Reload",
    "zoomIn",
    "zoomOut",
    "Print…",
    "Restore a Backup…",
    "Find…",
    "Open App Data Folder",
    "Open Logs",
    "Copy Diagnostics",
    "About App",
  ];
  for (const platform of ["linux", "darwin", "win32"]) {
    for (const label of wanted) {
      assert.equal(
        labels({ platform }).filter((each) => each === label).length,
        1,
        `${platform}: ${label}`,
      );
    }
    assert.ok(!labels({ platform }).includes("Check for Updates…"));
    assert.ok(!labels({ platform }).includes("toggleDevTools"));
    assert.equal(
      labels({ platform, actions: { checkForUpdates() {} } }).filter(
        (label) => label === "Check for Updates…",
      ).length,
      1,
    );
  }
});

test("a new password can be chosen where the app made the first account", () => {
  const labels = (actions) =>
    menuTemplate({ name: "App", platform: "linux", developer: false, actions })
      .flatMap(({ submenu = [] }) => submenu)
      .map(({ label }) => label);
  assert.ok(!labels({}).includes("New Password…"));
  assert.ok(labels({ newPassword() {} }).includes("New Password…"));
});

test("spelling is checked for who asks, in a language there is; macOS has its own switch", () => {
  const labels = (platform) =>
    menuTemplate({ name: "App", platform, developer: false, spelling: false, actions: {} })
      .flatMap(({ submenu = [] }) => submenu)
      .map(({ label }) => label);
  assert.deepEqual(
    ["linux", "win32", "darwin"].map((platform) => labels(platform).includes("Check Spelling")),
    [true, true, false],
  );
  const available = ["de", "en-GB", "en-US", "pt-BR"];
  for (const [locale, expected] of [
    ["en-GB", ["en-GB"]],
    ["de-AT", ["de"]],
    ["pt", ["pt-BR"]],
    ["eo", []],
  ]) {
    assert.deepEqual(dictionaryFor(locale, available), expected, locale);
  }
  const set = [];
  const session = Object.assign(new EventEmitter(), {
    availableSpellCheckerLanguages: available,
    setSpellCheckerLanguages: (languages) => set.push(languages),
  });
  const connections = { allow: () => set.push("allowed"), refuse: () => set.push("refused") };
  const state = new Map();
  const spelling = createSpelling({ session, connections, state, locale: "en-US" });
  spelling.toggle();
  assert.ok(spelling.wanted());
  session.emit("spellcheck-dictionary-initialized");
  spelling.toggle();
  assert.ok(!spelling.wanted());
  assert.deepEqual(set, ["allowed", ["en-US"], "refused", "refused", []]);
});

test("a window comes back where it can be seen", () => {
  const screen = [{ x: 0, y: 0, width: 1920, height: 1080 }];
  const bounds = { x: 100, y: 50, width: 900, height: 700 };
  assert.deepEqual(placeWindow(bounds, screen), bounds);
  assert.deepEqual(placeWindow({ ...bounds, x: 4000 }, screen), { width: 900, height: 700 });
  assert.deepEqual(placeWindow({ ...bounds, y: -500 }, screen), { width: 900, height: 700 });
  assert.deepEqual(placeWindow({ ...bounds, width: 1, height: 1 }, screen), {
    x: 100,
    y: 50,
    width: 480,
    height: 360,
  });
  for (const damaged of [undefined, null, {}, { x: "1" }, { ...bounds, width: Number.NaN }, []]) {
    assert.deepEqual(placeWindow(damaged, screen), { width: 1200, height: 800 });
  }
});

test("text on a dark background is light", () => {
  assert.equal(inkFor("#0f2a33"), "light");
  assert.equal(inkFor("#ffffff"), "dark");
  assert.equal(inkFor("#f4b740"), "dark");
});

test("diagnostics name versions and places", () => {
  const text = diagnosticsText({
    manifest: { name: "App", version: "1.0", identifier: "org.example.app" },
    place: { mode: "development" },
    interpreter: { python: "/usr/bin/python3", source: "PATH" },
    appData: "/data",
    backend: { python: "3.14.0", django: "6.0" },
    versions: { electron: "45.4.1", chrome: "150", node: "24" },
  });
  for (const part of [
    "App 1.0",
    "org.example.app",
    "Electron 45.4.1",
    "Python 3.14.0",
    "Django 6.0",
    "/data",
  ]) {
    assert.ok(text.includes(part), part);
  }
});
