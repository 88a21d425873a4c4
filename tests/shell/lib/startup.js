// Prints how long a bare Electron window and the shell of a project take until their window is shown, in turns.
// node startup.js PROJECT ROUNDS, of a staged project
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bringShell, electron, shellCommand } from "./electron.js";
import { temporaryFolder } from "./fake.js";

const HANG_MS = 60_000;
const BARE = `const { app, BrowserWindow } = require("electron");
app.whenReady().then(() => {
  const window = new BrowserWindow({ show: false });
  window.once("ready-to-show", () => { window.show(); require("fs").writeFileSync(process.env.SHOWN, "window shown"); });
  window.loadURL("data:text/html,<h1>bare</h1>");
});`;

/** Milliseconds until `file` says "window shown". */
async function time({ executablePath, args, env }, file) {
  const begun = performance.now();
  const child = spawn(executablePath, args, { env, stdio: "ignore" });
  while (!(existsSync(file) && readFileSync(file, "utf8").includes("window shown"))) {
    if (performance.now() - begun > HANG_MS || child.exitCode !== null) {
      child.kill("SIGKILL");
      throw new Error("no window was shown");
    }
    await new Promise((done) => setTimeout(done, 5));
  }
  const elapsed = performance.now() - begun;
  child.kill("SIGTERM");
  await once(child, "exit");
  return Math.round(elapsed);
}

const [project, rounds] = [resolve(process.argv[2]), Number(process.argv[3])];
const folder = temporaryFolder();
bringShell(project);
const bareApp = join(folder, "bare.cjs");
writeFileSync(bareApp, BARE);

async function bare(round) {
  const shown = join(folder, `bare-${round}`);
  const { executablePath, args, env } = await shellCommand(project, { appData: folder });
  const switches = args.filter((argument) => argument === "--no-sandbox");
  return time(
    { executablePath, args: [...switches, bareApp], env: { ...env, SHOWN: shown } },
    shown,
  );
}

async function shell(name) {
  const appData = join(folder, name);
  mkdirSync(appData, { recursive: true });
  const log = join(appData, "logs", "shell.log");
  if (existsSync(log)) {
    writeFileSync(log, "");
  }
  return time(await shellCommand(project, { appData, args: ["--staged"] }), log);
}

const times = { bare: [], warm: [], first: [] };
await bare("warm-up");
await shell("warm");
for (let round = 0; round < rounds; round += 1) {
  times.bare.push(await bare(round));
  times.warm.push(await shell("warm"));
  times.first.push(await shell(`first-${round}`));
}
console.log(JSON.stringify({ electron: electron.version, ...times }));
