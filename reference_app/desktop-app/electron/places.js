// Where things are: the bundle with the project, its launcher, and the folder for the user's data.
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/** What a developer may override. A packaged app ignores all of it. */
export function readOptions({ argv, env, packaged }) {
  if (packaged) {
    return { staged: false, python: "", appData: "", devTools: false };
  }
  const appData = env.DESKTOP_DJANGO_APP_DATA_DIR ?? "";
  return {
    staged: argv.includes("--staged"),
    python: env.PYTHON ?? "",
    appData: isAbsolute(appData) ? appData : "",
    devTools: env.NODE_ENV === "development",
  };
}

// Chromium takes one dash too, on Windows also a slash, and any case.
const DEBUGGING =
  /^(--?|\/)(remote-debugging-|remote-allow-origins|inspect|debug|js-flags|(log-)?net-log|auto-open-devtools)/i;

/** The first word of a command line that would open the app to a debugger, or write its requests down, token and all. */
export const debuggingSwitch = (argv) => argv.slice(1).find((word) => DEBUGGING.test(word));

/** Makes a folder that only its user can enter, also where an earlier version left it open to others. */
export function privateFolder(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform !== "win32" && statSync(folder).mode & 0o077) {
    try {
      chmodSync(folder, 0o700);
    } catch {
      // Another one's folder, or a file system without modes: the app works, the backend says what it means.
    }
  }
  return folder;
}

/** The bundle (`packaged` mode) or the project as it lies in its repository (`development` mode). */
export function locateProject({ electronDir, resources, packaged, staged }) {
  const payload = join(electronDir, "..");
  const bundled = packaged || staged;
  const bundle = packaged
    ? join(resources, "bundle")
    : staged
      ? join(payload, "staged")
      : join(payload, "..");
  const project = bundled ? join(bundle, "app") : bundle;
  return {
    bundle,
    project,
    mode: bundled ? "packaged" : "development",
    manifest: join(project, "desktop-app", "desktop.toml"),
    launcher: join(project, "desktop-app", "launch.py"),
    brand: join(project, "assets", "brand"),
  };
}

/** The local (never roaming) per-user folder of this app. */
export function appDataFolder({ identifier, mode, platform, env, home }) {
  const name = mode === "development" ? `${identifier}-development` : identifier;
  if (platform === "win32") {
    return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), name);
  }
  if (platform === "darwin") {
    return join(home, "Library", "Application Support", name);
  }
  const base = env.XDG_DATA_HOME ?? "";
  return join(isAbsolute(base) ? base : join(home, ".local", "share"), name);
}

/** The picture for windows; macOS and Windows take the installed app's own where there is one. */
export function appIcon(project) {
  const icon = join(project, "desktop-app", "icons", "icon.png");
  return existsSync(icon) ? icon : undefined;
}
