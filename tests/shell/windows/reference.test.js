import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { shellDir } from "../lib/electron.js";
import { isAlive, open, prepare, shoot, temporaryFolder, test, until } from "../lib/windows.js";

const source = join(dirname(shellDir), "..");

async function openPonies(t, prepared) {
  const shell = await open(t, prepared);
  const main = await shell.main();
  await main.waitForSelector("text=Add pony");
  return { shell, main };
}

test("a pony is created, edited, kept over a restart and deleted, on the real backend", async (t) => {
  const trace = join(temporaryFolder(), "trace.json");
  const prepared = prepare({ source, env: { DESKTOP_DJANGO_TRACE: trace } });
  const first = await openPonies(t, prepared);
  await shoot(first.main, "ponies");
  await first.shell.shown();
  assertTimeline(readFileSync(trace, "utf8"));
  await first.main.click("text=Add pony");
  await first.main.fill("[name=title]", "Nimbus");
  await first.main.click("form button[type=submit]");
  await first.main.waitForSelector("text=Nimbus");
  await first.main.click("a:has-text('Nimbus')");
  await first.main.fill("[name=title]", "Nimbus the Second");
  await first.main.click("form button[type=submit]");
  await first.main.waitForSelector("text=Nimbus the Second");
  const url = first.main.url();
  const pid = first.shell.backendPid();
  await first.shell.quit();
  assert.equal(isAlive(pid), false);

  const second = await openPonies(t, prepared);
  assert.equal(new URL(second.main.url()).origin, new URL(url).origin);
  const row = second.main.locator("li, tr, article", { hasText: "Nimbus the Second" }).first();
  await row.waitFor();
  await row.locator("button, a").last().click();
  await second.main
    .locator("dialog[open] button[type=submit], [role=dialog] button[type=submit]")
    .first()
    .click();
  await until(
    async () =>
      (await second.main.locator("main a, section a", { hasText: "Nimbus" }).count()) === 0,
  );
  await second.shell.quit();

  const third = await openPonies(t, prepared);
  assert.equal(await third.main.locator("text=Nimbus").count(), 0);
});

/** Chrome's trace format lets the end of the list be absent. */
function assertTimeline(text) {
  const events = JSON.parse(text.replace(/,\s*$/, "]"));
  const names = (process) => {
    const { pid } = events.find(({ ph, args }) => ph === "M" && args.name === process);
    return events.filter((event) => event.ph === "X" && event.pid === pid).map(({ name }) => name);
  };
  const [shell, backend] = [names("shell"), names("backend")];
  const inOrder = (all, some) =>
    assert.deepEqual(
      all.filter((name) => some.includes(name)),
      some,
    );
  inOrder(shell, ["modules loaded", "Python spawned", "Chromium ready", "window made"]);
  inOrder(shell, [
    "backend listens",
    "page requested",
    "page answered",
    "first paint",
    "window shown",
  ]);
  assert.ok(shell.includes("backend ready"));
  inOrder(backend, [
    ...["interpreter started", "runtime imported", "socket bound", "data judged", "settings"],
    ...["applications", "migrations checked", "URLs loaded", "ready", "first request"],
  ]);
  for (const { ph, ts, dur, tdur } of events) {
    assert.ok(ph === "M" || (ts > 0 && dur >= 0 && tdur >= 0));
  }
}

async function add({ main }, title) {
  await main.click("text=Add pony");
  await main.fill("[name=title]", title);
  await main.click("form button[type=submit]");
  await main.waitForSelector(`text=${title}`);
}

test("a backup of the real backend is restored from the menu: what came later is gone, and set aside", async (t) => {
  const prepared = prepare({ source });
  const first = await openPonies(t, prepared);
  await add(first, "Nimbus");
  await first.shell.quit();
  const [data, name] = [prepared.appData, "backups/db-000001-20260101T000000Z.sqlite3"];
  mkdirSync(join(data, "backups"), { recursive: true });
  cpSync(join(data, "db.sqlite3"), join(data, name));

  const second = await openPonies(t, prepared);
  await add(second, "Stratus");
  await second.shell.app.evaluate(({ dialog, Menu }) => {
    dialog.showMessageBox = async () => ({ response: 0 });
    const items = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
    items.find((item) => item.label === "Restore a Backup…").click();
  });
  const { main } = second;
  await main.waitForSelector("input[type=radio]:checked", { timeout: 20_000 });
  await shoot(main, "restore-real");
  await main.keyboard.press("Enter");
  const { log } = second.shell;
  await until(() => log().includes("restored db-000001-20260101T000000Z.sqlite3"), 20_000);
  await main.waitForSelector("text=Nimbus");
  assert.equal(await main.locator("text=Stratus").count(), 0);
});

test("the data are carried to another computer in a file", async (t) => {
  const first = await openPonies(t, prepare({ source }));
  await add(first, "Cirrus");
  const file = join(temporaryFolder(), "kept.zip");
  const choose = ({ app }, wanted, place = file) =>
    app.evaluate(
      ({ dialog, Menu }, [label, path]) => {
        dialog.showSaveDialog = async () => ({ filePath: path });
        dialog.showOpenDialog = async () => ({ filePaths: [path] });
        dialog.showMessageBox = async () => ({ response: 0 });
        const items = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
        items.find((item) => item.label === label).click();
      },
      [wanted, place],
    );
  await choose(first.shell, "Back Up…");
  await until(() => first.shell.log().includes("backed up"), 20_000);
  await choose(first.shell, "Export…", dirname(file));
  await until(() => first.shell.log().includes("exported"), 20_000);
  const [folder] = readdirSync(dirname(file)).filter((name) => name.startsWith("Flying Stable"));
  const rows = readFileSync(join(dirname(file), folder, "rows", "items.Item.json"), "utf8");
  assert.ok(JSON.parse(rows).some(({ fields }) => fields.title === "Cirrus"));
  await first.shell.quit();

  const { shell, main } = await openPonies(t, prepare({ source }));
  await choose(shell, "Restore a Backup…");
  await main.click("text=From a File…");
  await main.waitForSelector("text=Shall this take the place of your data?", { timeout: 20_000 });
  await shoot(main, "restore-file-real");
  await main.click("button:has-text('Restore')");
  await main.waitForSelector("text=Cirrus");
});
