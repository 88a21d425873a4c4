import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { shellDir } from "../lib/electron.js";
import { isAlive, open, prepare, shoot, test, until } from "../lib/windows.js";

const source = join(dirname(shellDir), "..");

async function openPonies(t, prepared) {
  const shell = await open(t, prepared);
  const splash = await shell.splash();
  await shoot(splash, "splash");
  const main = await shell.main();
  await main.waitForSelector("text=Add pony");
  return { shell, main };
}

test("a pony is created, edited, kept over a restart and deleted, on the real backend", async (t) => {
  const prepared = prepare({ source });
  const first = await openPonies(t, prepared);
  await shoot(first.main, "ponies");
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
