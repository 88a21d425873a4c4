// For the tests of packaging, on Electron 9: `transpile FOLDER` makes a shell's folder run on it, `use PROGRAM APPDATA
// [NAME]` opens a packaged app, saves an item called NAME in its window and tells what it saw as JSON.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LAUNCH_MS, launchTwice } from "../shell/lib/launch.js";
import { transpile } from "../shell/lib/transpile.js";

const lib = join(dirname(fileURLToPath(import.meta.url)), "..", "shell", "lib");
const require = createRequire(join(lib, "..", "package.json"));

async function makeLegacy(folder) {
  await transpile(folder, folder, "legacy-main");
  // Playwright opens two debuggers, which the app refuses to have.
  const start = `if (process.env.SHELL_TEST_DRIVEN) {
  process.argv = process.argv.filter((word) => !/^--(inspect|remote-debugging-port)=/.test(word));
}
process.env.SHELL_TEST_SOURCE = require("path").join(__dirname, "main.js");
require("./prelude.cjs");
require("./legacy-main.cjs");
`;
  writeFileSync(join(folder, "start.cjs"), start);
  const file = join(folder, "package.json");
  const about = { ...JSON.parse(readFileSync(file, "utf8")), main: "start.cjs" };
  writeFileSync(file, JSON.stringify({ ...about, type: undefined, dependencies: {} }, null, 2));
}

async function use(program, appData, name) {
  const { _electron } = require("playwright-core");
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  let began;
  const app = await launchTwice(appData, () => {
    began = performance.now();
    return _electron.launch({
      executablePath: program,
      args: sandbox,
      env: { ...process.env, SHELL_TEST_DRIVEN: "1" },
      timeout: LAUNCH_MS,
    });
  });
  const ended = new Promise((done) => app.process().once("exit", done));
  const main = async () => {
    for (;;) {
      const found = app.windows().find((each) => each.url().startsWith("http://127.0.0.1:"));
      if (found) {
        await found.waitForLoadState();
        return found;
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  const page = await main();
  const seconds = (performance.now() - began) / 1000;
  const { origin } = new URL(page.url());
  if (name) {
    await page.goto(`${origin}/items/new/`);
    await page.fill("input[name=title]", name);
    await Promise.all([page.waitForNavigation(), page.press("input[name=title]", "Enter")]);
  }
  await page.goto(`${origin}/`);
  const seen = {
    seconds,
    origin,
    text: await page.textContent("body"),
    title: await page.title(),
    about: await app.evaluate(({ app: it }) => ({
      name: it.getName(),
      version: it.getVersion(),
      packaged: it.isPackaged,
    })),
    backend: JSON.parse(readFileSync(join(appData, "shell.json"), "utf8")).backend,
  };
  await app.evaluate(({ app: it }) => it.quit()).catch(() => {});
  await ended;
  console.log(JSON.stringify(seen));
}

const [command, ...rest] = process.argv.slice(2);
await { transpile: makeLegacy, use }[command](...rest);
