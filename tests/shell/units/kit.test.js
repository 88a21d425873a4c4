import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { load, shellDir, temporaryFolder } from "../lib/fake.js";

const npmScript = (name, args, path) => {
  const { scripts } = JSON.parse(readFileSync(join(shellDir, "package.json"), "utf8"));
  const [, file, ...fixed] = scripts[name].split(" ");
  return spawnSync(process.execPath, [join(shellDir, file), ...fixed, ...args], {
    env: { PATH: path },
    encoding: "utf8",
  });
};

test("bundle and build name the kit where it is missing", () => {
  for (const name of ["bundle", "build"]) {
    const { status, stderr } = npmScript(name, [], temporaryFolder());
    assert.equal(status, 3);
    assert.match(stderr, /desktop-django is not installed/);
    assert.match(stderr, /do: /);
  }
});

test("bundle and build hand over to the kit", { skip: process.platform === "win32" }, () => {
  const bin = temporaryFolder();
  writeFileSync(join(bin, "desktop-django"), '#!/bin/sh\necho "$@"\nexit 7\n', { mode: 0o755 });
  const project = join(dirname(shellDir), "..");
  const bundle = npmScript("bundle", [], bin);
  assert.deepEqual([bundle.stdout, bundle.status], [`stage ${project}\n`, 7]);
});

test("build bundles anew first, and hands its options to packaging", {
  skip: process.platform === "win32",
}, () => {
  const bin = temporaryFolder();
  writeFileSync(join(bin, "desktop-django"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
  const project = join(dirname(shellDir), "..");
  assert.equal(
    npmScript("build", ["--linux"], bin).stdout,
    `stage ${project}\npackage ${project} --linux\n`,
  );
});

test("exact versions are asked for, and the lock file names no address", () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(shellDir, "package.json"), "utf8"),
  );
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
  for (const folder of [shellDir, join(shellDir, "..", "..", "..", "tests", "shell")]) {
    assert.ok(!readFileSync(join(folder, "package-lock.json"), "utf8").includes('"resolved"'));
  }
});

test("own pages hold no script, no address and nothing from elsewhere", () => {
  for (const name of ["splash", "error", "find", "restore"]) {
    const page = readFileSync(join(shellDir, "pages", `${name}.html`), "utf8");
    assert.doesNotMatch(page, /<script|https?:|src=|@import|url\(|\son[a-z]+=/i, name);
    assert.match(page, /<html lang="en">/);
  }
});

test("the supervisor and all it needs run without Electron", async () => {
  const seen = new Set();
  const follow = (file) => {
    if (seen.has(file)) {
      return;
    }
    seen.add(file);
    const source = readFileSync(join(shellDir, file), "utf8");
    assert.doesNotMatch(source, /from "electron"/, file);
    for (const [, next] of source.matchAll(/from "\.\/([^"]+)"/g)) {
      follow(next);
    }
  };
  follow("supervisor.js");
  assert.ok(seen.size > 3);
  await load("supervisor.js");
});
