import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakeLaunch, fakeSupervisor, load, temporaryFolder } from "../lib/fake.js";

const { listBackups, restoreBackup } = await load("restore.js");
const { backupRow, createRestoring, dateText, sizeText } = await load("restoring.js");

/** An app data folder with data and backups of these contents. */
function data(files) {
  const appData = temporaryFolder();
  mkdirSync(join(appData, "backups"));
  for (const [name, content] of Object.entries({ data: "now", ...files })) {
    writeFileSync(join(appData, name), content);
  }
  return appData;
}

const BACKUPS = {
  starts: "999999999 0 token\n",
  "backups/default-000001.sqlite3": "first",
  "backups/default-000002.sqlite3": "damaged",
  "backups/default-000003.sqlite3": "hidden damage",
};

test("an interpreter that does not exist is said", async () => {
  const launch = fakeLaunch({ appData: data(BACKUPS), command: "/nowhere/python" });
  await assert.rejects(
    listBackups(launch),
    ({ message, hint }) => /cannot be reached/.test(message) && /ENOENT/.test(hint),
  );
});

test("what ends without an answer is told with the end of its standard error", async () => {
  const launch = fakeLaunch({ appData: data(BACKUPS), mode: "mute" });
  await assert.rejects(listBackups(launch), ({ hint }) => /restoring is broken/.test(hint));
});

test("a refusal is passed on as it was given, and nothing was changed", async () => {
  const appData = data(BACKUPS);
  await assert.rejects(restoreBackup(fakeLaunch({ appData }), "default-000003.sqlite3"), {
    message: "default-000003.sqlite3 is damaged and was left as it is.",
    hint: "Choose another one.",
    code: "DDK-RUN-15",
  });
  assert.equal(readFileSync(join(appData, "data"), "utf8"), "now");
});

test("backups are listed and one of them is put in place", async () => {
  const appData = data(BACKUPS);
  const launch = fakeLaunch({ appData });
  const backups = await listBackups(launch);
  assert.deepEqual(
    backups.map(({ name, sound }) => [name, sound]),
    [
      ["default-000003.sqlite3", true],
      ["default-000002.sqlite3", false],
      ["default-000001.sqlite3", true],
    ],
  );
  assert.deepEqual(await restoreBackup(launch, "default-000001.sqlite3"), {
    restored: "default-000001.sqlite3",
    set_aside: "set-aside/data",
  });
  assert.equal(readFileSync(join(appData, "data"), "utf8"), "first");
});

test("a person reads dates and sizes; the database is named where there are several", () => {
  assert.deepEqual([0, 999, 1000, 12_345, 999_999, 1_500_000, 5e12].map(sizeText), [
    "0 bytes",
    "999 bytes",
    "1.0 kB",
    "12 kB",
    "1000 kB",
    "1.5 MB",
    "5000 GB",
  ]);
  assert.match(dateText("2026-11-29T12:03:04Z", "en-GB"), /29 November 2026/);
  assert.equal(dateText("at some time", "en"), "at some time");
  const backup = { name: "a", database: "other", made: "once", bytes: 1, sound: true };
  const row = (several) => backupRow(backup, { locale: "en", several }).date;
  assert.deepEqual([row(true), row(false)], ["once (other)", "once"]);
});

test("the backend ends before anything is listed, and a name that was not listed is not restored", async (t) => {
  const appData = data({ "backups/default-000001.sqlite3": "first" });
  const { supervisor, next, launch } = fakeSupervisor(t, { appData });
  const ready = next("ready");
  await supervisor.start();
  await ready;
  const [views, kept] = [[], []];
  const restoring = createRestoring({
    backend: supervisor,
    launch,
    show: async () => ({ executeJavaScript: async (script) => views.push(script) }),
    restored: (aside) => kept.push(aside),
    locale: "en",
    log: () => {},
  });
  await restoring.open();
  assert.equal(supervisor.pid, null);
  await restoring.restore("--list");
  await restoring.restore("../data");
  assert.equal(existsSync(join(appData, "set-aside")), false);
  await restoring.restore("default-000001.sqlite3");
  assert.equal(readFileSync(join(appData, "data"), "utf8"), "first");
  assert.match(views.at(-1), /Restoring/);
  assert.deepEqual(kept, ["set-aside/data"]);
  assert.equal(supervisor.pid, null);
});

test("a person who stays on an unsaved page keeps the backend", async (t) => {
  const { supervisor, next, launch } = fakeSupervisor(t);
  const ready = next("ready");
  await supervisor.start();
  await ready;
  const show = async () => null;
  const restoring = createRestoring({ backend: supervisor, launch, show, locale: "en" });
  await restoring.open();
  assert.notEqual(supervisor.pid, null);
});
