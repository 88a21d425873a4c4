import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { load, temporaryFolder, until } from "../lib/fake.js";

const { ManifestError, parseManifest, readManifest } = await load("manifest.js");
const { createLog } = await load("logs.js");
const { appDataFolder, debuggingSwitch, locateProject, privateFolder, readOptions } =
  await load("places.js");
const { chooseInterpreter } = await load("interpreter.js");
const { allowedEnvironment, backendCommand } = await load("launch.js");
const { ShellState } = await load("state.js");
const { choosePort, rememberedPorts, rememberPort } = await load("ports.js");

const MANIFEST = 'spec = "1.0"\n[app]\nname = "App"\nidentifier = "org.example.app"\n';

test("a short manifest is completed by defaults", () => {
  const { name, identifier, home, healthPath, background, feed } = parseManifest(MANIFEST);
  assert.deepEqual(
    [name, identifier, home, healthPath, background, feed],
    ["App", "org.example.app", "/", "/health/", "#ffffff", ""],
  );
});

for (const [broken, message] of [
  ["spec = ", /cannot be read/],
  ["[app]\nidentifier = 'org.example'", /name must be/],
  ["[app]\nname = 'A'", /identifier must be/],
  ["[app]\nname = 3\nidentifier = 'a'", /name must be/],
  ["[app]\nname = 'A'\nidentifier = '../other'", /identifier/],
  ["[app]\nname = 'A'\nidentifier = 'a/b'", /identifier/],
  ["[app]\nname = 'A'\nidentifier = 'a..b'", /identifier/],
  [`${MANIFEST}background = 'red'`, /background/],
  [`${MANIFEST}home = 'https://example.org'`, /home must be a path/],
  [`${MANIFEST}home = '//example.org'`, /home must be a path/],
  [`${MANIFEST}[django]\nhealth_path = 'health'`, /health_path must be a path/],
]) {
  test(`a manifest is refused in a sentence: ${message.source}`, () => {
    assert.throws(
      () => parseManifest(broken),
      (error) => error instanceof ManifestError && message.test(error.message),
    );
  });
}

test("a manifest that is not there is said", () => {
  assert.throws(
    () => readManifest("/nowhere/desktop.toml"),
    /\/nowhere\/desktop.toml cannot be read: ENOENT/,
  );
});

test("a packaged app ignores what a developer may override", () => {
  const argv = ["app", "--staged"];
  const env = {
    PYTHON: "/bin/evil",
    DESKTOP_DJANGO_APP_DATA_DIR: "/elsewhere",
    NODE_ENV: "development",
  };
  assert.deepEqual(readOptions({ argv, env, packaged: true }), {
    staged: false,
    python: "",
    appData: "",
    devTools: false,
  });
  assert.deepEqual(readOptions({ argv, env, packaged: false }), {
    staged: true,
    python: "/bin/evil",
    appData: "/elsewhere",
    devTools: true,
  });
  assert.equal(
    readOptions({ argv, env: { DESKTOP_DJANGO_APP_DATA_DIR: "relative" }, packaged: false })
      .appData,
    "",
  );
});

const slashes = (path) => path.replaceAll("\\", "/");

test("words that open a debugger are known in every spelling Chromium takes", () => {
  const words = [
    "--remote-debugging-port=9222",
    "-remote-debugging-port=9222",
    "/Remote-Debugging-Port=9222",
    "--remote-debugging-pipe",
    "--remote-debugging-address=0.0.0.0",
    "--remote-allow-origins=*",
    "--inspect",
    "--inspect-brk=0.0.0.0:9229",
    "--debug-port=1",
    "--js-flags=--expose-gc",
    "--log-net-log=/tmp/all.json",
    "--net-log-capture-mode=Everything",
    "--auto-open-devtools-for-tabs",
  ];
  for (const word of words) {
    assert.equal(debuggingSwitch(["app", "--no-sandbox", word]), word);
  }
  const usual = ["--inspect-of-the-program", "--no-sandbox", "--staged", "remote-debugging-port"];
  assert.equal(debuggingSwitch([...usual, "/home/debug/file"]), undefined);
});

test("folders are made private, also one that an earlier version left open", {
  skip: process.platform === "win32",
}, () => {
  const folder = join(temporaryFolder(), "app data");
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const before = process.umask(0);
  try {
    assert.equal(privateFolder(folder), folder);
    privateFolder(join(folder, "shell"));
    createLog(join(folder, "logs", "shell.log"))("one line");
    new ShellState(join(folder, "shell.json")).set("port", 1);
  } finally {
    process.umask(before);
  }
  for (const name of ["", "shell", "logs", "logs/shell.log", "shell.json"]) {
    assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
  }
});

test("project and bundle are found in each mode", () => {
  const at = (rest) =>
    locateProject({
      electronDir: "/p/desktop-app/electron",
      resources: "/opt/app/resources",
      ...rest,
    });
  const development = at({ packaged: false, staged: false });
  assert.deepEqual(
    [slashes(development.bundle), slashes(development.project), development.mode],
    ["/p", "/p", "development"],
  );
  assert.equal(
    slashes(at({ packaged: false, staged: true }).launcher),
    "/p/desktop-app/staged/app/desktop-app/launch.py",
  );
  const packaged = at({ packaged: true, staged: true });
  assert.equal(
    slashes(packaged.manifest),
    "/opt/app/resources/bundle/app/desktop-app/desktop.toml",
  );
  assert.equal(packaged.mode, "packaged");
});

test("data lies in the local folder of each system", () => {
  const folder = (rest) =>
    slashes(
      appDataFolder({
        identifier: "org.example.app",
        mode: "packaged",
        env: {},
        home: "/home/u",
        ...rest,
      }),
    );
  assert.equal(folder({ platform: "linux" }), "/home/u/.local/share/org.example.app");
  assert.equal(
    folder({ platform: "linux", env: { XDG_DATA_HOME: "/data" } }),
    "/data/org.example.app",
  );
  assert.equal(
    folder({ platform: "linux", env: { XDG_DATA_HOME: "relative" } }),
    "/home/u/.local/share/org.example.app",
  );
  assert.equal(
    folder({ platform: "darwin" }),
    "/home/u/Library/Application Support/org.example.app",
  );
  assert.equal(
    folder({ platform: "win32", env: { LOCALAPPDATA: "/local" } }),
    "/local/org.example.app",
  );
  assert.equal(
    folder({ platform: "linux", mode: "development" }),
    "/home/u/.local/share/org.example.app-development",
  );
});

function program(file) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, 0o755);
  return file;
}

test("the interpreter is chosen in the documented order", (_t) => {
  const project = temporaryFolder();
  const bin = join(project, "system");
  const place = { project, bundle: project, mode: "development" };
  const choose = (rest = {}) =>
    chooseInterpreter({
      place,
      override: "",
      configured: "",
      env: { PATH: bin },
      platform: "linux",
      ...rest,
    });
  assert.deepEqual(choose(), { python: "python3", env: {}, source: "PATH" });
  program(join(bin, "python"));
  assert.equal(choose().python, join(bin, "python"));
  program(join(bin, "python3"));
  program(join(bin, "python3.14"));
  assert.equal(choose().python, join(bin, "python3.14"));
  program(join(project, "desktop-app", ".venv", "bin", "python"));
  assert.match(choose().source, /desktop-app.\.venv/);
  program(join(project, ".venv", "bin", "python"));
  assert.equal(choose().python, join(project, ".venv", "bin", "python"));
  writeFileSync(join(project, "desktop-app", ".interpreter"), "/envs/pony/bin/python\n");
  assert.equal(choose().python, "/envs/pony/bin/python");
  assert.equal(choose({ configured: "tools/python" }).python, join(project, "tools", "python"));
  assert.equal(
    choose({ configured: "tools/python", override: "python3" }).python,
    join(bin, "python3"),
  );
  assert.equal(choose({ override: "/opt/python" }).python, resolve("/opt/python"));
  const packaged = { ...place, mode: "packaged" };
  assert.equal(
    choose({ place: packaged, override: "/opt/python", configured: "x" }).python,
    join(project, "python", "bin", "python3"),
  );
});

test("on Windows the real interpreter is started, not an environment's launcher or the Store's stand-in", (_t) => {
  const project = temporaryFolder();
  const base = program(join(project, "Python314", "python.exe"));
  const launcher = program(join(project, ".venv", "Scripts", "python.exe"));
  writeFileSync(
    join(project, ".venv", "pyvenv.cfg"),
    `home = ${dirname(base)}\r\nversion = 3.14\r\n`,
  );
  const place = { project, bundle: project, mode: "development" };
  const chosen = chooseInterpreter({
    place,
    override: "",
    configured: "",
    env: {},
    platform: "win32",
  });
  assert.deepEqual([chosen.python, chosen.env], [base, { __PYVENV_LAUNCHER__: launcher }]);
  const store = join(project, "WindowsApps");
  mkdirSync(store);
  writeFileSync(join(store, "python3.exe"), "");
  const other = { ...place, project: store };
  assert.equal(
    chooseInterpreter({
      place: other,
      override: "",
      configured: "",
      env: { Path: store },
      platform: "win32",
    }).python,
    "python3",
  );
});

const OF_THE_NETWORK = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "REQUESTS_CA_BUNDLE",
];

test("the backend's environment is what the contract allows", () => {
  const hostile = {
    PATH: "/bin",
    HOME: "/home/u",
    LC_ALL: "C",
    XDG_DATA_HOME: "/d",
    SystemRoot: "C:\\Windows",
    PYTHONPATH: "/evil",
    PYTHONHOME: "/evil",
    PYTHONSTARTUP: "/evil",
    VIRTUAL_ENV: "/evil",
    CONDA_PREFIX: "/evil",
    NODE_OPTIONS: "--require=/evil",
    LD_PRELOAD: "/evil",
    ELECTRON_RUN_AS_NODE: "1",
    DJANGO_SETTINGS_MODULE: "mine.settings",
    SECRET: "x",
    DESKTOP_DJANGO_AUTH_TOKEN: "old",
    https_proxy: "http://proxy.example:3128",
    ...Object.fromEntries(OF_THE_NETWORK.map((name) => [name, "x"])),
    AWS_SECRET_ACCESS_KEY: "x",
  };
  assert.deepEqual(Object.keys(allowedEnvironment(hostile)), [
    "PATH",
    "HOME",
    "LC_ALL",
    "XDG_DATA_HOME",
    "SystemRoot",
    "https_proxy",
    ...OF_THE_NETWORK,
  ]);
  const command = (mode) =>
    backendCommand({
      place: { mode, project: "/p", bundle: "/b", launcher: "/p/desktop-app/launch.py" },
      interpreter: { python: "/py", env: {} },
      appData: "/data",
      env: hostile,
      environmentNames: ["SECRET"],
    });
  assert.equal(command("development").env.DJANGO_SETTINGS_MODULE, "mine.settings");
  assert.equal(command("development").env.SECRET, "x");
  assert.equal(command("packaged").env.DJANGO_SETTINGS_MODULE, undefined);
  assert.equal(command("packaged").env.SECRET, undefined);
  assert.deepEqual(command("packaged").args, [
    "-I",
    "-B",
    "-u",
    "-X",
    "utf8",
    "/p/desktop-app/launch.py",
  ]);
  assert.ok(command("development").args.includes("pycache_prefix=/data/pycache"));
});

test("what the shell remembers survives, and damage to it does no harm", (_t) => {
  const file = join(temporaryFolder(), "deep", "shell.json");
  new ShellState(file).set("port", 23456);
  assert.equal(new ShellState(file).get("port"), 23456);
  for (const damaged of ["", "{", "[]", "null", "3"]) {
    writeFileSync(file, damaged);
    assert.equal(new ShellState(file).get("port"), undefined);
  }
});

test("ports come from below the ephemeral range, whatever was remembered", async () => {
  for (const remembered of [undefined, null, "24000", 80, 40000, -1, 1.5]) {
    const port = await choosePort({ remembered: [remembered] });
    assert.ok(port >= 20000 && port <= 32767, String(port));
  }
  assert.equal(await choosePort({ remembered: [24123, 24125] }), 24123);
  assert.notEqual(await choosePort({ remembered: [24124], taken: [24124] }), 24124);
});

test("the first port stays the app's own when it was taken once", () => {
  const state = new ShellState(join(temporaryFolder(), "shell.json"));
  rememberPort(state, 24123);
  rememberPort(state, 24999);
  assert.deepEqual(rememberedPorts(state), [24123, 24999]);
  rememberPort(state, 24123);
  assert.deepEqual(rememberedPorts(state), [24123, 24999]);
});

test("a change of the project's source is noticed, a change beside it is not", async (t) => {
  const { sourceFolders, watchSources } = await load("sourcewatch.js");
  const root = temporaryFolder();
  for (const folder of ["app", ".git", "node_modules/x", "env/lib", "desktop-app/electron"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, "env", "pyvenv.cfg"), "");
  assert.deepEqual(sourceFolders(root), [root, join(root, "app")]);
  let changes = 0;
  const stop = watchSources(root, () => (changes += 1));
  t.after(stop);
  writeFileSync(join(root, "env", "lib", "x.py"), "");
  writeFileSync(join(root, "app", "db.sqlite3"), "");
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(changes, 0);
  writeFileSync(join(root, "app", "views.py"), "a");
  writeFileSync(join(root, "app", "views.py"), "ab");
  await until(() => changes === 1);
});
