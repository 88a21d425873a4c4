// The command line and the environment of the backend.
import { traceEnvironment } from "./trace.js";

const FLAGS = {
  packaged: () => ["-I", "-B", "-u", "-X", "utf8"],
  development: (appData) => ["-I", "-u", "-X", "utf8", "-X", `pycache_prefix=${appData}/pycache`],
};

const ALLOWED =
  "PATH HOME USER LOGNAME LANG TZ TMPDIR DISPLAY WAYLAND_DISPLAY " +
  // How this network is left, and whom it trusts: a project may talk to other servers.
  "HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE " +
  "SYSTEMROOT WINDIR COMSPEC PATHEXT TEMP TMP USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA USERNAME HOMEDRIVE HOMEPATH NUMBER_OF_PROCESSORS";
const ALLOWED_NAMES = new Set(ALLOWED.split(" "));
const ALLOWED_PREFIXES = ["LC_", "XDG_"];

/** The variables of `env` a backend may see: names of `extra` and those of the operating system, never Python's or Node's. */
export function allowedEnvironment(env, extra = []) {
  const names = new Set([...ALLOWED_NAMES, ...extra]);
  const allowed = ([name]) =>
    names.has(name.toUpperCase()) ||
    names.has(name) ||
    ALLOWED_PREFIXES.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(allowed));
}

/** What `Supervisor` starts: {command, args, cwd, env}; host, port and token are added there. */
export function backendCommand({ place, interpreter, appData, env, environmentNames }) {
  const developer =
    place.mode === "development" ? ["DJANGO_SETTINGS_MODULE", ...environmentNames] : [];
  return {
    command: interpreter.python,
    args: [...FLAGS[place.mode](appData), place.launcher],
    cwd: place.project,
    env: {
      ...allowedEnvironment(env, developer),
      ...interpreter.env,
      DESKTOP_DJANGO_APP_DATA_DIR: appData,
      DESKTOP_DJANGO_BUNDLE_DIR: place.bundle,
      DESKTOP_DJANGO_RUNTIME_MODE: place.mode,
      ...traceEnvironment(),
    },
  };
}
