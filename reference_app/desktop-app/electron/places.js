// Where things are: the bundle with the project, its launcher, and the folder for the user's data.
import { existsSync } from "node:fs";
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
