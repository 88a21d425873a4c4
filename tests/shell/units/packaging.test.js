// What electron-builder is told on systems that these tests do not run on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { shellDir, temporaryFolder } from "../lib/fake.js";

function configuration({ platform, arch, feed, languages = "", seen = [] }) {
  const folder = temporaryFolder();
  const electron = join(folder, "electron");
  mkdirSync(electron);
  mkdirSync(join(folder, "staged"));
  for (const name of ["builder.config.mjs", "fuses.mjs"]) {
    cpSync(join(shellDir, name), join(electron, name));
  }
  symlinkSync(join(shellDir, "node_modules"), join(electron, "node_modules"), "junction");
  const manifest = '[app]\nname = "App"\nidentifier = "org.example.app"\n';
  const table = [feed ? `feed = "${feed}"` : "", languages].join("\n");
  writeFileSync(join(folder, "desktop.toml"), `${manifest}[package]\n${table}\n`);
  const staged = { window_languages: seen };
  writeFileSync(join(folder, "staged", "runtime-manifest.json"), JSON.stringify(staged));
  const script = `
    Object.defineProperty(process, "platform", { value: "${platform}" });
    Object.defineProperty(process, "arch", { value: "${arch}" });
    import("${pathToFileURL(join(electron, "builder.config.mjs"))}")
      .then(({ default: config }) => console.log(JSON.stringify(config)));`;
  const run = ["--input-type=module", "--eval", script];
  return JSON.parse(execFileSync(process.execPath, run, { encoding: "utf8" }));
}

const feed = "https://downloads.example.org/app/";

for (const [platform, arch, channel] of [
  ["linux", "x64", "latest"],
  ["linux", "arm64", "latest"], // electron-builder itself calls it latest-linux-arm64.yml
  ["darwin", "x64", "latest"],
  ["darwin", "arm64", "latest-arm64"],
  ["win32", "x64", "latest"],
  ["win32", "arm64", "latest-arm64"],
]) {
  test(`update metadata of ${platform} ${arch} takes no other one's name`, () => {
    assert.equal(configuration({ platform, arch, feed }).publish[0].channel, channel);
  });
}

test("without a feed there is no update metadata", () => {
  assert.equal(configuration({ platform: "win32", arch: "x64" }).publish, null);
});

test("the program is named after the app, on Linux as a command is", () => {
  const { executableName, linux, mac, win } = configuration({ platform: "darwin", arch: "arm64" });
  assert.deepEqual(
    [executableName, mac.executableName, win.executableName],
    [undefined, undefined, undefined],
  );
  assert.equal(linux.executableName, "app");
});

for (const [what, seen, languages, kept] of [
  ["those that pages are shown in", ["de", "en"], "", ["en", "de"]],
  ["all where pages show dates in the person's way", [], "", undefined],
  ["those of desktop.toml, and English", ["en"], 'languages = ["pt-BR"]', ["en", "pt-BR"]],
  ["all if desktop.toml says so", ["en"], "languages = []", undefined],
]) {
  test(`of Electron's languages are kept ${what}`, () => {
    const made = configuration({ platform: "linux", arch: "x64", languages, seen });
    assert.deepEqual(made.electronLanguages, kept);
  });
}
