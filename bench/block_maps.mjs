// What an installer carries and what an update downloads, by electron-builder's own archives and block maps and by
// electron-updater's own plan. For bench/size.py, which gives absolute paths and reads the last line as JSON:
//
//   ELECTRON SCRATCH update OLD NEW    {format: {full, download}} of two folders of an application
//   ELECTRON SCRATCH weigh FOLDER...   {folder: packed} as in an installer for Windows
//
// Archives are not solid, so what does not change between two versions adds nothing to a download and need not be there.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const [electron, scratch, command, ...folders] = process.argv.slice(2);
const require = createRequire(join(electron, "package.json"));
const { archive } = require("app-builder-lib/out/targets/archive");
const {
  configureDifferentialAwareArchiveOptions,
} = require("app-builder-lib/out/targets/differentialUpdateInfoBuilder");
const { buildBlockMap } = require("app-builder-lib/out/targets/blockmap/blockmap");
const {
  computeOperations,
  OperationKind,
} = require("electron-updater/out/differentialDownloader/downloadPlanBuilder");
const log = { info() {}, debug() {}, warn: console.error };

// Of each installer what it carries; the program around that is the same in both versions.
const formats = {
  // As NsisTarget packs it.
  "nsis (7z)": (folder, file) =>
    archive(
      "7z",
      `${file}.7z`,
      folder,
      configureDifferentialAwareArchiveOptions({ withoutDir: true, installTimeDecodable: true }),
    ),
  // As the updater of macOS gets it.
  "zip of macOS": (folder, file) =>
    archive("zip", `${file}.zip`, folder, { withoutDir: true, preserveSymlinks: true }),
};

// As appImageUtil packs it, with the mksquashfs of this machine.
if (!spawnSync("mksquashfs", ["-version"]).error) {
  formats.AppImage = (folder, file) => {
    const options = ["-all-root", "-noappend", "-no-progress", "-quiet", "-no-xattrs"];
    const rest = ["-no-fragments", "-comp", "zstd"];
    execFileSync("mksquashfs", [folder, `${file}.squashfs`, ...options, ...rest]);
    return `${file}.squashfs`;
  };
}

async function blocksOf(pack, folder, name) {
  const packed = await pack(folder, join(scratch, name));
  const { size } = await buildBlockMap(packed, "gzip", `${packed}.blockmap`);
  return { size, map: JSON.parse(gunzipSync(readFileSync(`${packed}.blockmap`))) };
}

async function update(old, newer) {
  const result = {};
  for (const [name, pack] of Object.entries(formats)) {
    const [before, after] = [await blocksOf(pack, old, "old"), await blocksOf(pack, newer, "new")];
    const download = computeOperations(before.map, after.map, log)
      .filter(({ kind }) => kind === OperationKind.DOWNLOAD)
      .reduce((sum, { start, end }) => sum + end - start, 0);
    result[name] = { full: after.size, download };
  }
  return result;
}

async function weigh(...parts) {
  const result = {};
  for (const [index, part] of parts.entries()) {
    // Never under one name: `archive` takes a file that is newer than the folder for finished.
    result[part] = statSync(await formats["nsis (7z)"](part, join(scratch, `${index}`))).size;
  }
  return result;
}

console.log(JSON.stringify(await { update, weigh }[command](...folders)));
