// Which Electron the tests use, and how the shell is started in it.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { _electron } from "playwright-core";
import { LAUNCH_MS, launchTwice } from "./launch.js";
import { transpile } from "./transpile.js";

const lib = dirname(fileURLToPath(import.meta.url));
export const shellDir = join(lib, "..", "..", "..", "reference_app", "desktop-app", "electron");

function currentElectron() {
  try {
    const require = createRequire(join(shellDir, "package.json"));
    const folder = dirname(require.resolve("electron/package.json"));
    const binary = join(folder, "dist", readFileSync(join(folder, "path.txt"), "utf8").trim());
    return existsSync(binary)
      ? { binary, legacy: false, version: require("electron/package.json").version }
      : null;
  } catch {
    return null;
  }
}

const legacyElectron = () => {
  const binary = process.env.SHELL_TEST_LEGACY_ELECTRON;
  return binary && existsSync(binary) ? { binary, legacy: true, version: "9.4.1" } : null;
};

export const electron = currentElectron() ?? legacyElectron();
if (!electron) {
  throw new Error("There is no Electron to open windows with: python3 kit.py test finds one");
}

let legacyFolder = null;

/** Prelude and main module as CommonJS for Node 12; made once per test process, outside the payload. */
async function legacyFiles() {
  if (!legacyFolder) {
    legacyFolder = mkdtempSync(join(tmpdir(), "shell-legacy-"));
    process.on("exit", () => rmSync(legacyFolder, { recursive: true, force: true }));
    await transpile(shellDir, legacyFolder, "main");
  }
  return { prelude: join(legacyFolder, "prelude.cjs"), main: join(legacyFolder, "main.cjs") };
}

/** {executablePath, args, env} with which the shell inside `project` starts. */
export async function shellCommand(project, { appData, env = {}, args = [] }) {
  const source = join(project, "desktop-app", "electron", "main.js");
  const files = electron.legacy ? await legacyFiles() : null;
  const start = files ? ["-r", files.prelude, files.main] : [dirname(source)];
  const noSandbox = process.platform === "linux" && process.getuid() === 0 ? ["--no-sandbox"] : [];
  return {
    executablePath: electron.binary,
    args: [...noSandbox, ...start, ...args],
    env: {
      ...process.env,
      PYTHON: process.env.SHELL_TEST_PYTHON || "python3",
      DESKTOP_DJANGO_APP_DATA_DIR: appData,
      SHELL_TEST_SOURCE: source,
      ...env,
    },
  };
}

/** The shell under Playwright. */
export async function launchShell(project, options) {
  return launchTwice(options.appData, async () => {
    mkdirSync(options.appData, { recursive: true });
    return _electron.launch({ ...(await shellCommand(project, options)), timeout: LAUNCH_MS });
  });
}

/** A copy of `project` in a fresh folder, with the shell of this checkout in it. */
export function copyProject(project, folder) {
  const target = join(folder, "project");
  const skipped = /[\\/](node_modules|\.venv|staged|dist|db\.sqlite3|__pycache__)$/;
  cpSync(project, target, { recursive: true, filter: (source) => !skipped.test(source) });
  bringShell(target);
  return target;
}

/** Puts the shell of this checkout into a project. */
export function bringShell(project) {
  const electronDir = join(project, "desktop-app", "electron");
  const skipped = /[\\/]node_modules$/;
  cpSync(shellDir, electronDir, { recursive: true, filter: (source) => !skipped.test(source) });
  if (existsSync(join(shellDir, "node_modules"))) {
    symlinkSync(join(shellDir, "node_modules"), join(electronDir, "node_modules"), "junction");
  }
}
