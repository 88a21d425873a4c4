import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { load, temporaryFolder } from "../lib/fake.js";

const skip = process.platform === "win32" && "there the access list of the profile says it";

test("what the shell makes is for its user alone", { skip }, async (t) => {
  const { keepFilesPrivate } = await load("processes.js");
  const before = process.umask(0);
  t.after(() => process.umask(before));
  keepFilesPrivate();
  const folder = join(temporaryFolder(), "logs");
  mkdirSync(folder);
  writeFileSync(join(folder, "shell.log"), "private");
  for (const path of [folder, join(folder, "shell.log")]) {
    assert.equal(statSync(path).mode & 0o077, 0, path);
  }
});
