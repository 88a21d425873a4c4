// Switches off, in the finished program, the ways to make it run other people's code
// (https://www.electronjs.org/docs/latest/tutorial/fuses), and reads them back.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  FuseState,
  FuseV1Options,
  FuseVersion,
  flipFuses,
  getCurrentFuseWire,
  pathToFuseFile,
} from "@electron/fuses";

const SENTINEL = "dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX";

const wanted = (platform) => ({
  RunAsNode: false,
  EnableCookieEncryption: true,
  EnableNodeOptionsEnvironmentVariable: false,
  EnableNodeCliInspectArguments: false,
  // On Linux Electron has no such check.
  EnableEmbeddedAsarIntegrityValidation: platform !== "linux",
  OnlyLoadAppFromAsar: true,
  LoadBrowserProcessSpecificV8Snapshot: false,
  GrantFileProtocolExtraPrivileges: false,
  WasmTrapHandlers: true,
});

function program({ appOutDir, electronPlatformName, packager }) {
  const name = packager.appInfo.productFilename;
  const candidates = {
    darwin: join(appOutDir, `${name}.app`),
    win32: join(appOutDir, `${name}.exe`),
    linux: join(appOutDir, packager.executableName),
  };
  const found = candidates[electronPlatformName];
  if (!existsSync(found)) {
    throw new Error(`there is no program at ${found}`);
  }
  return found;
}

/** The afterPack hook of electron-builder: before anything is signed. */
export async function setFuses(context) {
  const file = program(context);
  const platform = context.electronPlatformName;
  if (!readFileSync(pathToFuseFile(file)).includes(SENTINEL)) {
    // Electron before 12 has none.
    console.log("  • this Electron has no fuses");
    return;
  }
  const config = Object.fromEntries(
    Object.entries(wanted(platform)).map(([name, on]) => [FuseV1Options[name], on]),
  );
  await flipFuses(file, {
    version: FuseVersion.V1,
    strictlyRequireAllFuses: true,
    resetAdHocDarwinSignature: platform === "darwin",
    ...config,
  });
  const wire = await getCurrentFuseWire(file);
  for (const [name, on] of Object.entries(wanted(platform))) {
    const state = wire[FuseV1Options[name]];
    if (state !== (on ? FuseState.ENABLE : FuseState.DISABLE)) {
      throw new Error(`fuse ${name} is not ${on ? "on" : "off"}`);
    }
  }
  console.log("  • fuses are set and read back");
}
