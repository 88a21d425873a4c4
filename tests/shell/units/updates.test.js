// The real updater against a real feed on loopback; Electron itself is not needed for it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { load, shellDir, temporaryFolder, until } from "../lib/fake.js";

const require = createRequire(join(shellDir, "package.json"));
const electron = { autoUpdater: new EventEmitter() };
require.cache[require.resolve("electron")] = { exports: electron, loaded: true };

const { AppImageUpdater } = require("electron-updater");
const { NodeHttpExecutor } = require("builder-util");
const { configureRequestOptions, configureRequestUrl } = require("builder-util-runtime");
const { createUpdates, strictUpdater } = await load("updates.js");

/** What electron-updater has for Electron's own network stack, on Node's. */
class Downloads extends NodeHttpExecutor {
  download(url, destination, options) {
    return options.cancellationToken.createPromise((resolve, reject, onCancel) => {
      const request = { headers: options.headers ?? undefined };
      configureRequestUrl(url, request);
      configureRequestOptions(request);
      const callback = (error) => (error ? reject(error) : resolve(destination));
      this.doDownload(
        request,
        { destination, options, onCancel, callback, responseHandler: null },
        0,
      );
    });
  }
}

/** A feed that offers `version`; {hash} replaces the true checksum, {down} answers nothing but 503. */
async function feed(t, { version, hash, down = false, staging = "" }) {
  const marker = join(temporaryFolder(), "started");
  const program = `#!/bin/sh\n# ${"x".repeat(4096)}\necho new > "${marker}"\n`;
  const sha512 = hash ?? createHash("sha512").update(program).digest("base64");
  const file = `app-${version}.AppImage`;
  const entry = `files:\n  - url: ${file}\n    sha512: ${sha512}\n    size: ${program.length}\n`;
  const description = `version: ${version}\n${entry}path: ${file}\nsha512: ${sha512}\nreleaseDate: '2026-11-01T00:00:00.000Z'\n${staging}`;
  const requests = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://feed");
    requests.push(pathname);
    const body = { "/latest-linux.yml": description, [`/${file}`]: program }[pathname];
    response.writeHead(down ? 503 : body ? 200 : 404);
    response.end(down ? "" : body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests, marker };
}

/** The installed app in version 1.0.0; `answers` are what its user chooses, dialog after dialog. */
function installed({ url, answers = [], stopBackend = async () => {} }) {
  const folder = temporaryFolder();
  const image = join(folder, "app.AppImage");
  writeFileSync(image, "old");
  chmodSync(image, 0o755);
  process.env.APPIMAGE = image;
  const config = join(folder, "app-update.yml");
  writeFileSync(config, `provider: generic\nurl: ${url}\nupdaterCacheDirName: app-updater\n`);
  mkdirSync(join(folder, "cache"));
  const done = [];
  const app = {
    version: "1.0.0",
    name: "app",
    isPackaged: true,
    appUpdateConfigPath: config,
    userDataPath: folder,
    baseCachePath: join(folder, "cache"),
    whenReady: async () => {},
    relaunch: () => done.push("relaunch"),
    quit: () => done.push("quit"),
    onQuit: () => {},
  };
  const updater = strictUpdater(new AppImageUpdater(null, app));
  updater.httpExecutor = new Downloads();
  updater.setFeedURL({ provider: "generic", url });
  updater.disableDifferentialDownload = true;
  const said = [];
  const log = [];
  const check = createUpdates({
    updater,
    name: "App",
    ask: async (message) => {
      said.push(message);
      return answers.shift() ?? 0;
    },
    stopBackend: async () => {
      await stopBackend();
      done.push("stopped");
    },
    restart: () => done.push("restart"),
    log: (line) => log.push(line),
  });
  return { check, said, done, log, image: () => readFileSync(process.env.APPIMAGE, "utf8") };
}

const onLinux = { skip: process.platform !== "linux" && "the feed is the one for AppImages" };

test("nothing is fetched or installed unasked", () => {
  const updater = strictUpdater({});
  assert.deepEqual(updater, {
    autoDownload: false,
    autoInstallOnAppQuit: false,
    allowDowngrade: false,
    allowPrerelease: false,
  });
});

test(
  "an update is offered, fetched and installed after the backend has ended",
  onLinux,
  async (t) => {
    const { url, marker } = await feed(t, { version: "1.1.0" });
    const app = installed({ url });
    await app.check();
    await until(() => app.done.includes("quit"));
    assert.deepEqual(app.said, ["App 1.1.0 is available.", "App 1.1.0 is ready."]);
    assert.equal(app.done[0], "stopped");
    await until(() => existsSync(marker));
  },
);

test("an update that is not wanted is not fetched", onLinux, async (t) => {
  const { url, requests } = await feed(t, { version: "1.1.0" });
  const app = installed({ url, answers: [1] });
  await app.check();
  assert.deepEqual(requests, ["/latest-linux.yml"]);
  assert.deepEqual(app.done, []);
});

test("an update put off after its download is not installed", onLinux, async (t) => {
  const { url } = await feed(t, { version: "1.1.0" });
  const app = installed({ url, answers: [0, 1] });
  await app.check();
  assert.deepEqual(app.done, []);
  assert.equal(app.image(), "old");
});

for (const [version, what] of [
  ["1.0.0", "the same"],
  ["0.9.0", "an older"],
]) {
  test(`${what} version is no update`, onLinux, async (t) => {
    const { url } = await feed(t, { version });
    const app = installed({ url });
    await app.check();
    assert.deepEqual(app.said, ["App is up to date."]);
    const quiet = installed({ url });
    await quiet.check({ quiet: true });
    assert.deepEqual(quiet.said, []);
  });
}

test("a staged rollout leaves out those whose turn has not come", onLinux, async (t) => {
  const { url } = await feed(t, { version: "1.1.0", staging: "stagingPercentage: 0\n" });
  const app = installed({ url });
  await app.check();
  assert.deepEqual(app.said, ["App is up to date."]);
});

test("a file with a wrong checksum changes nothing", onLinux, async (t) => {
  const hash = createHash("sha512").update("other").digest("base64");
  const { url } = await feed(t, { version: "1.1.0", hash });
  const app = installed({ url });
  await app.check();
  assert.match(app.log.join(), /update failed: sha512 checksum mismatch/);
  assert.deepEqual(app.said, ["App 1.1.0 is available.", "The update was not installed."]);
  assert.deepEqual(app.done, []);
  assert.equal(app.image(), "old");
});

test("a feed that is down is said when asked for, and silent at start", onLinux, async (t) => {
  const { url } = await feed(t, { version: "1.1.0", down: true });
  const app = installed({ url });
  await app.check();
  assert.deepEqual(app.said, ["Updates cannot be checked now."]);
  const gone = installed({ url: "http://127.0.0.1:9" });
  await gone.check({ quiet: true });
  assert.deepEqual(gone.said, []);
});

test("a backend that cannot be ended puts the update off", onLinux, async (t) => {
  const { url } = await feed(t, { version: "1.1.0" });
  const stopBackend = async () => {
    throw new Error("still alive");
  };
  const app = installed({ url, stopBackend });
  await app.check();
  assert.equal(app.said.at(-1), "The update was not installed.");
  assert.deepEqual(app.done, []);
  assert.equal(app.image(), "old");
});
