// Lets the shell's current code run on Electron 9.4.1 (Node 12), the only Electron that package registries carry.
// Test only. Every entry stands for something later versions have; where one is a policy's input, it is built
// from what the old version offers for the same question.
const { Buffer } = require("node:buffer");
const electron = require("electron");
const fs = require("node:fs");
const Module = require("node:module");
const stream = require("node:stream");
const { pathToFileURL } = require("node:url");
const util = require("node:util");

globalThis.__shellUrl = pathToFileURL(process.env.SHELL_TEST_SOURCE).href;

const added = {
  "fs/promises": fs.promises,
  "timers/promises": { setTimeout: util.promisify(setTimeout) },
  "stream/promises": {
    pipeline: util.promisify(stream.pipeline),
    finished: util.promisify(stream.finished),
  },
};
const load = Module._load;
Module._load = function (name, ...rest) {
  const plain = name.replace(/^node:/, "");
  return added[plain] ?? load.call(this, plain, ...rest);
};

Object.hasOwn ??= (object, name) => Object.getOwnPropertyDescriptor(object, name) !== undefined;
String.prototype.replaceAll ??= function (from, to) {
  return this.split(from).join(to);
};
Array.prototype.at ??= function (index) {
  return this[index < 0 ? this.length + index : index];
};

require("node:crypto").randomInt ??= (from, to) => from + Math.floor(Math.random() * (to - from));

const bufferText = Buffer.prototype.toString;
Buffer.prototype.toString = function (encoding, ...rest) {
  if (encoding === "base64url") {
    return bufferText
      .call(this, "base64")
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");
  }
  return bufferText.call(this, encoding, ...rest);
};

const statSync = fs.statSync;
fs.statSync = (file, options) => {
  try {
    return statSync(file, options);
  } catch (error) {
    if (options?.throwIfNoEntry === false && error.code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
};

fs.rmSync ??= (path, { recursive }) => {
  if (fs.existsSync(path)) {
    fs.rmdirSync(path, { recursive });
  }
};

globalThis.Response = class {
  constructor(body, { status = 200, headers = {} } = {}) {
    Object.assign(this, { body, status, headers });
  }
};

const { app, ipcMain } = electron;

app.on("session-created", (session) => {
  session.closeAllConnections = async () => {};
  session.protocol.handle = (scheme, answer) =>
    session.protocol.registerBufferProtocol(scheme, async (request, done) => {
      const { body, status, headers } = await answer(request);
      const mimeType = headers["Content-Type"].split(";")[0];
      done({ statusCode: status, mimeType, charset: "utf-8", headers, data: Buffer.from(body) });
    });
});

app.on("web-contents-created", (_event, contents) => {
  contents.navigationHistory = {
    goBack: () => contents.goBack(),
    goForward: () => contents.goForward(),
  };
  // Electron 9 tells of keys only.
  contents.on("before-input-event", (event, input) => contents.emit("input-event", event, input));
  contents.on("will-navigate", (event, url) => Object.assign(event, { url, isMainFrame: true }));
  contents.on("will-redirect", (event, url, _inPlace, isMainFrame) =>
    Object.assign(event, { url, isMainFrame }),
  );
  contents.setWindowOpenHandler = (handle) => {
    contents.on("new-window", (event, named, _name, _disposition, options) => {
      event.preventDefault();
      const url = named === "about:blank#blocked" ? "about:blank" : named; // so it calls window.open("")
      const verdict = handle({ url });
      if (verdict.action === "allow") {
        const { webContents, ...plain } = options;
        const child = new electron.BrowserWindow({
          ...plain,
          ...verdict.overrideBrowserWindowOptions,
          show: true,
        });
        child.loadURL(url);
        event.newGuest = child;
      }
    });
  };
});

const handle = ipcMain.handle.bind(ipcMain);
ipcMain.handle = (channel, answer) =>
  handle(channel, (event, ...args) => {
    event.senderFrame = { url: event.sender.getURL(), parent: null };
    return answer(event, ...args);
  });
