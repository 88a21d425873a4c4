import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, prepare, shoot, test, until } from "../lib/windows.js";

/** A shell around data with backups. */
async function withBackups(t, mode) {
  const prepared = prepare({ mode });
  const files = {
    data: "now",
    "backups/default-000001.sqlite3": "first",
    "backups/default-000002.sqlite3": "damaged",
    "backups/default-000003.sqlite3": "hidden damage ".repeat(20_000),
  };
  mkdirSync(join(prepared.appData, "backups"), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(prepared.appData, name), content);
  }
  return open(t, prepared);
}

/** Boxes of the system are answered, and noted in `boxes`. */
const noteBoxes = (shell) =>
  shell.app.evaluate(({ dialog }) => {
    global.boxes = [];
    dialog.showMessageBox = async (...given) => {
      global.boxes.push(given.pop());
      return { response: 0 };
    };
  });

const page = async (shell) => {
  const prefix = "desktop-shell://pages/restore";
  const found = () => shell.app.windows().find((window) => window.url().startsWith(prefix));
  await until(found, 20_000);
  return found();
};

const says = (window, id, text) =>
  until(() => window.textContent(id).then((said) => said.includes(text)), 20_000);

test("from the error page a backup is chosen by keyboard; a damaged one is refused; then the app starts without a click", async (t) => {
  const shell = await withBackups(t, "fail13");
  await noteBoxes(shell);
  const error = await shell.error();
  await until(() => error.textContent("#message"));
  await shoot(error, "error-with-restore");
  await error.click("text=Restore a backup…");
  const chooser = await page(shell);
  await says(chooser, "#status", "Which state");
  await shoot(chooser, "restore");
  const rows = () =>
    chooser.evaluate(() =>
      [...document.querySelectorAll("label")].map((row) => [
        row.querySelector("input").disabled,
        row.lastChild.textContent,
      ]),
    );
  assert.deepEqual(await rows(), [
    [false, "sound"],
    [true, "damaged"],
    [false, "sound"],
  ]);
  await chooser.keyboard.press("Enter"); // the newest is chosen and has the focus
  await says(chooser, "#status", "is damaged and was left as it is");
  assert.equal(shell.read("data"), "now");
  await shoot(chooser, "restore-refused");
  await chooser.keyboard.press("ArrowDown"); // past the damaged one
  const starts = shell.starts().length;
  await chooser.keyboard.press("Enter");
  await until(() => shell.starts().length === starts + 1, 20_000);
  assert.equal(shell.read("data"), "first");
  const [{ message, detail }] = await shell.app.evaluate(() => global.boxes);
  assert.equal(message, "The backup is in place.");
  assert.equal(detail, `What was there before is kept in ${join(shell.appData, "set-aside/data")}`);
});

test("from the menu the running backend is stopped first, and Cancel starts it again", async (t) => {
  const shell = await withBackups(t);
  await shell.main();
  await shell.shown();
  const pid = shell.backendPid();
  await shell.app.evaluate(({ Menu }) => {
    const items = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
    items.find((item) => item.label === "Restore a Backup…").click();
  });
  const chooser = await page(shell);
  await says(chooser, "#status", "Which state");
  assert.equal(shell.backendPid(), undefined);
  assert.equal(shell.read("stopped"), "clean");
  await chooser.click("text=Cancel");
  await shell.main();
  assert.notEqual(shell.backendPid(), pid);
  assert.equal(shell.read("data"), "now");
});

test("a new password is asked for by the next start, once a person agrees", async (t) => {
  const shell = await open(t, prepare());
  await shell.main();
  await shell.shown();
  const pid = shell.backendPid();
  const choose = (response) =>
    shell.app.evaluate(({ dialog, Menu }, number) => {
      dialog.showMessageBox = async () => ({ response: number });
      const items = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
      items.find((item) => item.label === "New Password…").click();
    }, response);
  await choose(1);
  await choose(0);
  await until(() => shell.read("new-password.json") && shell.starts().length === 2, 20_000);
  await shell.main();
  await until(() => shell.backendPid() && shell.backendPid() !== pid, 20_000);
});
