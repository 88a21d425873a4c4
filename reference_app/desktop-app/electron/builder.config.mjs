// How electron-builder makes the application out of this shell and the staged bundle beside it.
// Identity comes from ../desktop.toml; `desktop-django package` starts it and checks what it made.
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  utimesSync,
} from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { setFuses } from "./fuses.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const bundle = join(here, "..", "staged");
const { app, package: packaging = {} } = parse(
  readFileSync(join(here, "..", "desktop.toml"), "utf8"),
);
const executable =
  app.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "") || "app";

// An Electron that is on this machine already, by the variable that the electron package uses too.
const localElectron = process.env.ELECTRON_OVERRIDE_DIST_PATH;
const electron = localElectron
  ? {
      electronDist: localElectron,
      electronVersion: readFileSync(join(localElectron, "version"), "utf8")
        .trim()
        .replace(/^v/, ""),
    }
  : {};

const machO = new Set([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe]);

function isMachO(file) {
  const start = Buffer.alloc(8);
  const descriptor = openSync(file, "r");
  const read = readSync(descriptor, start, 0, 8, 0);
  closeSync(descriptor);
  if (read < 8) {
    return false;
  }
  const [magic, count] = [start.readUInt32BE(0), start.readUInt32BE(4)];
  // Java's classes begin as universal files do, and go on with a larger number.
  return machO.has(magic) || (magic === 0xcafebabe && count > 0 && count < 40);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

// In macOS's updates a file or folder with another time is another one; cp keeps those of files.
function keepTimesOfFolders(copy) {
  const folders = readdirSync(bundle, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  for (const folder of [bundle, ...folders]) {
    const { atime, mtime } = statSync(folder);
    utimesSync(join(copy, relative(bundle, folder)), atime, mtime);
  }
}

// Of the bundle exactly the programs and libraries are signed: signing its other thousands of files, as happens by
// default to all that look binary, takes half an hour.
function signatures() {
  const programs = filesIn(bundle).filter(isMachO);
  const names = programs.map((file) =>
    relative(bundle, file).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return {
    binaries: programs.map((file) => `Contents/Resources/bundle/${relative(bundle, file)}`),
    signIgnore: [`/Contents/Resources/bundle/(?!(?:${names.join("|")})$)`],
  };
}

// One feed serves both kinds of processor. electron-builder tells their metadata apart for Linux only.
function feeds() {
  const apart = process.platform !== "linux" && process.arch !== "x64";
  const channel = apart ? `latest-${process.arch}` : "latest";
  return [{ provider: "generic", url: packaging.feed, channel }];
}

// Chromium's texts, dates and Accept-Language follow the person's language if the package carries it. Those of no page
// stay out. English is what Chromium falls back to.
function languages() {
  const manifest = JSON.parse(readFileSync(join(bundle, "runtime-manifest.json"), "utf8"));
  const wanted = packaging.languages ?? manifest.window_languages ?? [];
  return wanted.length ? { electronLanguages: [...new Set(["en", ...wanted])] } : {};
}

const signed = Boolean(process.env.CSC_LINK || process.env.CSC_NAME);
const notarized = Boolean(process.env.APPLE_API_KEY || process.env.APPLE_APP_SPECIFIC_PASSWORD);
const mail = /<[^<>@\s]+@[^<>@\s]+>/.test(app.author ?? "");

export default {
  appId: app.identifier,
  productName: app.name,
  copyright: app.author ?? null,
  extraMetadata: {
    name: executable,
    productName: app.name,
    version: app.version ?? "0.0.0",
    description: app.description || app.name,
    author: app.author || app.name,
    ...(packaging.homepage ? { homepage: packaging.homepage } : {}),
  },
  ...electron,
  ...languages(),
  directories: {
    output: process.env.DESKTOP_DJANGO_DIST ?? join(here, "..", "dist"),
    buildResources: join(here, "..", "icons"),
  },
  files: ["**/*", "!scripts", "!*.mjs", "!*.nsh", "!*.plist", "!package-lock.json"],
  artifactName: `${executable}-\${version}-\${os}-\${arch}.\${ext}`,
  npmRebuild: false,
  compression: process.env.DESKTOP_DJANGO_COMPRESSION ?? "normal",
  forceCodeSigning: process.platform !== "linux" && packaging.sign === true,
  afterPack: async (context) => {
    // Not as extraResources: of those electron-builder leaves out names it takes for a developer's, .gitkeep among them.
    const resources = context.packager.getResourcesDir(context.appOutDir);
    await cp(bundle, join(resources, "bundle"), { recursive: true, preserveTimestamps: true });
    keepTimesOfFolders(join(resources, "bundle"));
    await setFuses(context);
  },
  // Without a feed there is no update metadata, and the shell never looks for any.
  publish: packaging.feed ? feeds() : null,
  linux: {
    // Here alone: elsewhere it would take the place of the app's name, `Flying Stable.app`.
    executableName: executable,
    // A Debian package must say whom to write to and where to read on.
    target: ["AppImage", ...(mail && packaging.homepage ? ["deb"] : []), "tar.gz"],
    icon: existsSync(join(here, "..", "icons", "png")) ? join(here, "..", "icons", "png") : null,
    category: packaging.category ?? "Utility",
    syncDesktopName: true,
  },
  mac: {
    target: ["dmg", "zip"],
    hardenedRuntime: signed,
    gatekeeperAssess: false,
    entitlements: join(here, "entitlements.plist"),
    entitlementsInherit: join(here, "entitlements.plist"),
    ...(signed ? {} : { identity: "-" }),
    notarize: signed && notarized,
    ...(process.platform === "darwin" ? signatures() : {}),
  },
  win: {
    target: ["nsis", "zip"],
    ...(packaging.publisher ? { signtoolOptions: { publisherName: packaging.publisher } } : {}),
  },
  nsis: {
    oneClick: true,
    perMachine: false,
    deleteAppDataOnUninstall: false,
    include: join(here, "installer.nsh"),
  },
};
