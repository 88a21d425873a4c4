// Chooses the Python that runs the backend.
import { readFileSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";

const ENVIRONMENTS = [".venv", "venv", "env", join("desktop-app", ".venv")];
// The path of an environment that lies elsewhere; on this machine only, so git ignores it.
const NOTE = join("desktop-app", ".interpreter");
const COMMANDS = ["python3.14", "python3", "python"];

// Windows puts empty "python3.exe" files on PATH that only open the Store.
const isProgram = (file) => {
  const found = statSync(file, { throwIfNoEntry: false });
  return Boolean(found?.isFile() && found.size > 0);
};

export function bundledInterpreter(bundle, platform) {
  return platform === "win32"
    ? join(bundle, "python", "python.exe")
    : join(bundle, "python", "bin", "python3");
}

function environmentInterpreter(folder, platform) {
  return platform === "win32"
    ? join(folder, "Scripts", "python.exe")
    : join(folder, "bin", "python");
}

function noted(project) {
  try {
    return readFileSync(join(project, NOTE), "utf8").trim();
  } catch {
    return "";
  }
}

function onPath(command, env, platform) {
  const name = platform === "win32" ? `${command}.exe` : command;
  return (env.PATH ?? env.Path ?? "")
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => resolve(folder, name))
    .find(isProgram);
}

// On Windows the python.exe of an environment is a launcher whose child is the interpreter; killing or
// outliving the launcher would leave that child. So its base interpreter is started, told its environment
// the way multiprocessing does.
function withoutLauncher(python, platform) {
  if (platform !== "win32") {
    return { python, env: {} };
  }
  try {
    const settings = readFileSync(join(dirname(python), "..", "pyvenv.cfg"), "utf8");
    const base = join(settings.match(/^home\s*=\s*(.+?)\s*$/m)[1], "python.exe");
    return isProgram(base)
      ? { python: base, env: { __PYVENV_LAUNCHER__: python } }
      : { python, env: {} };
  } catch {
    return { python, env: {} };
  }
}

/**
 * Returns {python, env, source}: the program, variables it needs, and in words why it was chosen. What was asked for
 * by name is returned even where it does not exist, so that starting it says so.
 * A packaged or staged app uses the interpreter of its bundle and nothing else.
 */
export function chooseInterpreter({ place, override, configured, env, platform }) {
  if (place.mode === "packaged") {
    return { python: bundledInterpreter(place.bundle, platform), env: {}, source: "the bundle" };
  }
  const found = (python, source) => ({ ...withoutLauncher(python, platform), source });
  if (override) {
    return found(onPath(override, env, platform) ?? resolve(override), "PYTHON=");
  }
  if (configured) {
    return found(resolve(place.project, configured), "desktop.toml");
  }
  const elsewhere = noted(place.project);
  if (elsewhere) {
    return found(elsewhere, NOTE);
  }
  for (const name of ENVIRONMENTS) {
    const python = environmentInterpreter(join(place.project, name), platform);
    if (isProgram(python)) {
      return found(python, `the project's environment ${name}`);
    }
  }
  const onSystem = COMMANDS.map((command) => onPath(command, env, platform)).find(Boolean);
  return found(onSystem ?? "python3", "PATH");
}
