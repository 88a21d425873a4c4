import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  fakeSupervisor,
  impostor,
  isAlive,
  load,
  python,
  shellDir,
  temporaryFolder,
  until,
} from "../lib/fake.js";

const { GRACE_MS } = await load("supervisor.js");
const { HEADER } = await load("token.js");
const { clearLockedPorts } = await import(
  pathToFileURL(createRequire(join(shellDir, "package.json")).resolve("get-port"))
);

const get = (url, headers = {}) =>
  new Promise((resolve, reject) => {
    http
      .get(url, { headers, agent: false }, (response) => {
        let body = "";
        response
          .on("data", (part) => (body += part))
          .on("end", () => resolve({ status: response.statusCode, body }));
      })
      .on("error", reject);
  });

test("a backend is started, found ready and stopped by the end of its lifeline", async (t) => {
  const { supervisor, next, file, history, starts } = fakeSupervisor(t);
  const ready = next("ready");
  await supervisor.start();
  const { origin, event } = await ready;
  assert.equal(origin, `http://127.0.0.1:${starts()[0][1]}`);
  assert.equal(event?.event ?? "ready", "ready");
  assert.equal((await get(`${origin}/home`)).status, 403);
  const { pid } = supervisor;
  await supervisor.stop();
  assert.equal(file("stopped"), "clean");
  assert.equal(isAlive(pid), false);
  assert.equal(supervisor.origin, null);
  assert.ok(!history.some(([name]) => name === "failed" || name === "down"));
});

test("the port is remembered, the token is not", async (t) => {
  const appData = temporaryFolder();
  for (const _round of [1, 2]) {
    const { supervisor, next } = fakeSupervisor(t, { appData });
    const ready = next("ready");
    await supervisor.start();
    await ready;
    await supervisor.stop();
    clearLockedPorts(); // as a new process would have none
  }
  const { starts, file } = fakeSupervisor(t, { appData });
  const [first, second] = starts();
  assert.equal(first[1], second[1]);
  assert.ok(Number(first[1]) >= 20000 && Number(first[1]) <= 32767);
  assert.notEqual(first[2], second[2]);
  assert.ok(!file("shell.json").includes(first[2]) && !file("shell.json").includes(second[2]));
});

for (const [mode, outcome] of [
  ["", "ready"],
  ["fail13", "failed"],
]) {
  test(`where the shell can write nothing, the backend's own outcome is told: ${outcome}`, async (t) => {
    const { supervisor, appData, next } = fakeSupervisor(t, { mode });
    mkdirSync(join(appData, "shell.json.new")); // in the way of the file
    const told = next(outcome);
    await supervisor.start();
    await told;
    await supervisor.stop();
  });
}

test("a remembered port that is taken is given up, and nothing is sent to its owner", async (t) => {
  const appData = temporaryFolder();
  const received = [];
  const foreign = net.createServer((socket) => socket.on("data", (data) => received.push(data)));
  foreign.listen(23999, "127.0.0.1");
  await once(foreign, "listening");
  t.after(() => foreign.close());
  writeFileSync(join(appData, "shell.json"), JSON.stringify({ port: 23999 }));
  const { supervisor, next, starts } = fakeSupervisor(t, { appData });
  const ready = next("ready");
  await supervisor.start();
  const { origin } = await ready;
  assert.equal(starts().length, 1);
  assert.notEqual(origin, "http://127.0.0.1:23999");
  assert.deepEqual(received, []);
});

test("a port taken between choice and bind leads to another one", async (t) => {
  const { supervisor, next, starts, file } = fakeSupervisor(t, { mode: "taken" });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  assert.equal(starts().length, 2);
  assert.notEqual(starts()[1][1], file("taken"));
});

/** True until libuv has collected the process: then, and before anything else, its `exit` is told. */
const isKnown = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("the port of a dead backend gets no token, whatever else of it has still to be ended", async (t) => {
  const { supervisor, next } = fakeSupervisor(t, { mode: "remains" });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  const { pid } = supervisor;
  process.kill(pid, "SIGKILL");
  await until(() => !isKnown(pid));
  assert.equal(supervisor.origin, null);
  assert.equal(supervisor.isReady, false);
});

test("whoever takes a dead backend's port is asked nothing, and the next backend has another port and token", async (t) => {
  const { supervisor, next, starts } = fakeSupervisor(t, { backoffMs: [1000] });
  let ready = next("ready");
  await supervisor.start();
  const { origin } = await ready;
  ready = next("ready");
  process.kill(supervisor.pid, "SIGKILL");
  const requests = await impostor(t, Number(new URL(origin).port));
  assert.notEqual((await ready).origin, origin);
  assert.deepEqual(requests, []);
  assert.notEqual(starts().at(0)[2], starts().at(-1)[2]);
});

test("a backend that is being stopped gets no token any more: it lets go of its port first", async (t) => {
  const { supervisor, next, starts, file } = fakeSupervisor(t);
  const ready = next("ready");
  await supervisor.start();
  const { origin } = await ready;
  const answer = get(`${origin}/busy?seconds=2`, { [HEADER]: starts()[0][2] });
  await until(() => file("visits").includes("/busy"));
  const { pid } = supervisor;
  const stopped = supervisor.stop();
  await new Promise(setImmediate);
  assert.equal(supervisor.origin, null);
  assert.equal(isAlive(pid), true);
  await stopped;
  assert.equal((await answer).body, "done");
});

test("a slow start reports progress and is waited for", async (t) => {
  const { supervisor, next, history } = fakeSupervisor(t, { mode: "slow" });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  assert.ok(
    history.some(([name, text]) => name === "progress" && text === "Preparing your data (3 of 6)"),
  );
});

test("a lost health request is sent again", async (t) => {
  const { supervisor, next } = fakeSupervisor(t, { mode: "dropped" });
  const ready = next("ready");
  await supervisor.start();
  await ready;
});

test("output that is no event, and much of it, disturbs nothing", async (t) => {
  const { supervisor, next } = fakeSupervisor(t, { mode: "noisy" });
  const ready = next("ready");
  await supervisor.start();
  await ready;
});

test("a refusal of the backend is passed on and not repeated", async (t) => {
  const { supervisor, next, starts, history } = fakeSupervisor(t, { mode: "fail13" });
  const failed = next("failed");
  await supervisor.start();
  const failure = await failed;
  assert.equal(failure.message, "The data was written by a newer version.");
  assert.equal(failure.hint, "Do this.");
  assert.equal(failure.code, "DDK-RUN-13");
  assert.match(failure.log, /fake backend starts/);
  assert.equal(starts().length, 1);
  assert.ok(!history.some(([name]) => name === "ready"));
});

test("a start that ends unasked is not repeated", async (t) => {
  const { supervisor, next, starts } = fakeSupervisor(t, { mode: "exit3" });
  const failed = next("failed");
  await supervisor.start();
  assert.match((await failed).log, /Traceback: broken/);
  assert.equal(starts().length, 1);
});

test("bytecode that a full disk cut off stops one start, not every later one", async (t) => {
  const { supervisor, next, appData } = fakeSupervisor(t);
  let outcome = next("ready");
  await supervisor.start();
  await outcome;
  await supervisor.stop();
  const cache = join(appData, "pycache");
  const modules = readdirSync(cache, { recursive: true }).filter((name) => name.endsWith(".pyc"));
  assert.ok(modules.length > 0);
  for (const name of modules) {
    truncateSync(join(cache, name), 20);
  }
  outcome = next("failed");
  await supervisor.start();
  await outcome;
  outcome = next("ready");
  await supervisor.start();
  await outcome;
});

test("an interpreter that does not exist is said", async (t) => {
  const { supervisor, next } = fakeSupervisor(t, { command: "/nowhere/python" });
  const failed = next("failed");
  await supervisor.start();
  const failure = await failed;
  assert.match(failure.message, /ENOENT/);
  assert.match(failure.hint, /\/nowhere\/python/);
});

test("a killed backend is restarted three times on its port, then given up; Try again begins anew", async (t) => {
  const { supervisor, next, starts } = fakeSupervisor(t);
  let ready = next("ready");
  await supervisor.start();
  const { origin } = await ready;
  for (const _restart of [1, 2, 3]) {
    ready = next("ready");
    process.kill(supervisor.pid, "SIGKILL");
    assert.equal((await ready).origin, origin);
  }
  const failed = next("failed");
  process.kill(supervisor.pid, "SIGKILL");
  await failed;
  assert.equal(starts().length, 4);
  assert.equal(new Set(starts().map(([, port]) => port)).size, 1);
  assert.equal(new Set(starts().map(([, , token]) => token)).size, 4);
  ready = next("ready");
  await supervisor.start();
  await ready;
});

test("a request that runs is completed before the end", async (t) => {
  const { supervisor, next, file } = fakeSupervisor(t);
  const ready = next("ready");
  await supervisor.start();
  const { origin } = await ready;
  const [, , token] = fakeStarts(file);
  const answer = get(`${origin}/busy?seconds=1`, { [HEADER]: token });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await supervisor.stop();
  assert.equal((await answer).body, "done");
  assert.equal(file("worked"), "done");
});

const fakeStarts = (file) => file("starts").trim().split("\n").at(-1).split(" ");

test("the shell waits longer than the backend does for its requests and workers", () => {
  const runtime = join(shellDir, "..", "desktop_runtime");
  const limits = ["server.py", "workers.py"].flatMap((file) => {
    const source = readFileSync(join(runtime, file), "utf8");
    return [...source.matchAll(/^\w*(?:DRAIN|GRACE)\w* = ([\d.]+)/gm)].map(([, text]) => text);
  });
  const seconds = limits.reduce((sum, text) => sum + Number(text), 0);
  assert.ok(seconds > 0);
  assert.ok(GRACE_MS > (seconds + 1) * 1000, `${GRACE_MS} ms for ${limits.join(" and ")} s`);
});

test("a backend that ignores its lifeline is ended by force, its children too", async (t) => {
  const { supervisor, next } = fakeSupervisor(t, { mode: "stubborn,children", graceMs: 300 });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  const { pid } = supervisor;
  await supervisor.stop();
  assert.equal(isAlive(pid), false);
});

test("stopping while it starts, and starting while it stops, both end where they should", async (t) => {
  const { supervisor, next, starts } = fakeSupervisor(t, { mode: "slow" });
  supervisor.start();
  await supervisor.stop();
  assert.equal(supervisor.pid, null);
  supervisor.start();
  await until(() => supervisor.origin);
  const ready = next("ready");
  const { pid } = supervisor;
  await supervisor.restart();
  await ready;
  assert.equal(isAlive(pid), false);
  assert.ok(starts().length >= 2);
});

test("a backend left behind by a killed shell is ended first", async (t) => {
  const appData = temporaryFolder();
  const { startTime } = await load("processes.js");
  const leftover = spawn(python, ["-c", "import time; time.sleep(60)"], { detached: true });
  t.after(() => leftover.kill("SIGKILL"));
  const backend = { pid: leftover.pid, started: await startTime(leftover.pid) };
  writeFileSync(join(appData, "shell.json"), JSON.stringify({ backend }));
  const { supervisor, next } = fakeSupervisor(t, { appData, graceMs: 200 });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  assert.equal(isAlive(leftover.pid), false);
});

test("a process that merely has the recorded pid is left alone", async (t) => {
  const appData = temporaryFolder();
  const other = spawn(python, ["-c", "import time; time.sleep(60)"]);
  t.after(() => other.kill("SIGKILL"));
  writeFileSync(
    join(appData, "shell.json"),
    JSON.stringify({ backend: { pid: other.pid, started: "earlier" } }),
  );
  const { supervisor, next } = fakeSupervisor(t, { appData, graceMs: 200 });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  assert.equal(isAlive(other.pid), true);
});

test("logs of earlier launches are kept, five of them", async () => {
  const folder = temporaryFolder();
  const { openLog, lastLines } = await load("logs.js");
  const { closeSync, readdirSync, writeSync } = await import("node:fs");
  mkdirSync(join(folder, "logs"));
  for (let launch = 1; launch <= 8; launch += 1) {
    const log = openLog(join(folder, "logs", "backend-stderr.log"));
    writeSync(log, `one\nlaunch ${launch}\n`);
    closeSync(log);
  }
  assert.equal(readdirSync(join(folder, "logs")).length, 6);
  assert.equal(lastLines(join(folder, "logs", "backend-stderr.log"), 1), "launch 8");
  assert.equal(lastLines(join(folder, "logs", "backend-stderr.log.5"), 2), "one\nlaunch 3");
});
