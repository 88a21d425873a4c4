import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { open, prepare, shoot, temporaryFolder, test, until } from "../lib/windows.js";

/** A shell around data, and a folder for files; boxes of the system are answered and noted. */
async function withData(t, mode) {
  const prepared = prepare({ mode });
  mkdirSync(join(prepared.appData, "backups"), { recursive: true });
  writeFileSync(join(prepared.appData, "data"), "now");
  const shell = await open(t, prepared);
  await shell.main();
  await shell.shown();
  const folder = temporaryFolder();
  const file = join(folder, "kept.zip");
  return { shell, file };
}

/** Chooses a menu entry; the file dialogs name `file`. */
const choose = (shell, label, file) =>
  shell.app.evaluate(
    ({ dialog, Menu }, [wanted, path]) => {
      global.boxes = [];
      dialog.showSaveDialog = async (...given) => {
        global.proposed = given.pop().defaultPath;
        return { canceled: !path, filePath: path };
      };
      dialog.showOpenDialog = async (...given) => {
        global.asked = given.pop();
        return { canceled: !path, filePaths: [path] };
      };
      dialog.showMessageBox = async (...given) => {
        global.boxes.push(given.pop());
        return { response: 0 };
      };
      const items = Menu.getApplicationMenu().items.flatMap((item) => item.submenu?.items ?? []);
      items.find((item) => item.label === wanted).click();
    },
    [label, file],
  );

async function box(shell) {
  const boxes = () => shell.app.evaluate(() => global.boxes);
  await until(async () => (await boxes()).length, 20_000);
  return (await boxes())[0];
}

const find = async (shell, page) => {
  const prefix = `desktop-shell://pages/${page}`;
  const found = () => shell.app.windows().find((window) => window.url().startsWith(prefix));
  await until(found, 20_000);
  return found();
};

const says = (window, id, text) =>
  until(() => window.textContent(id).then((said) => said.includes(text)), 20_000);

test("the data are backed up while the app runs; where nothing can be written a sentence says so", async (t) => {
  const { shell, file } = await withData(t);
  const pid = shell.backendPid();
  await choose(shell, "Back Up…", file.slice(0, -4)); // the suffix is added
  const made = await box(shell);
  assert.equal(made.message, "Your data are backed up.");
  assert.equal(made.detail, `${file}\nFake 1.0: 1,234 rows, 1 file, 5.6 MB`);
  assert.equal(readFileSync(file, "utf8"), "now");
  assert.match(await shell.app.evaluate(() => global.proposed), /\d{4}-\d\d-\d\d\.zip$/);
  await choose(shell, "Back Up…", join(file, "no folder", "kept.zip"));
  const refused = await box(shell);
  assert.equal(refused.type, "error");
  assert.equal(refused.message, "The backup kept.zip cannot be written.");
  assert.equal(refused.detail, "Choose another one.\nDDK-RUN-16");
  assert.equal(shell.backendPid(), pid);
});

test("the data are exported into a new folder each time", async (t) => {
  const { shell, file } = await withData(t);
  const folder = dirname(file);
  const made = [];
  for (const suffix of ["", " 2"]) {
    await choose(shell, "Export…", folder);
    const { message, detail } = await box(shell);
    assert.equal(message, "Your data are exported.");
    const [place, content] = detail.split("\n");
    assert.match(
      place.slice(folder.length + 1),
      new RegExp(`^Fake Project \\d{4}-\\d\\d-\\d\\d${suffix}$`),
    );
    assert.equal(content, "Fake 1.0: 1,234 rows, 1 file, 5.6 MB");
    made.push(place);
  }
  for (const place of made) {
    assert.equal(readFileSync(join(place, "data"), "utf8"), "now");
  }
  const { properties } = await shell.app.evaluate(() => global.asked);
  assert.deepEqual(properties, ["openDirectory", "createDirectory"]);
  await choose(shell, "Export…", join(folder, "no folder"));
  assert.equal((await box(shell)).type, "error");
});

test("a scheduled backup that failed is said, and the app goes on", async (t) => {
  const { shell } = await withData(t);
  const main = await shell.main();
  await shell.app.evaluate(({ dialog }) => {
    global.boxes = [];
    dialog.showMessageBox = async (...given) => {
      global.boxes.push(given.pop());
      return { response: 0 };
    };
  });
  await main.evaluate(() => fetch("/full").then((answer) => answer.text()));
  const told = await box(shell);
  assert.equal(told.message, "No backup.");
  assert.equal(told.detail, "Free some space.\nDDK-RUN-16");
  assert.deepEqual(told.buttons, ["OK"]);
  assert.match(shell.log(), /no scheduled backup: DDK-RUN-16/);
});

test("an export that takes long says what it is, and is stopped", async (t) => {
  const { shell, file } = await withData(t, "long");
  await choose(shell, "Export…", dirname(file));
  const window = await find(shell, "backup");
  await says(window, "#status", "Exporting your data");
  await says(window, "#progress", "33 %");
  await shoot(window, "exporting");
  await window.click("text=Stop");
  await until(() => shell.log().includes("Exporting your data: cancelled"), 20_000);
  await until(() => window.isClosed(), 20_000);
});

test("what takes long tells how far it is, and is stopped", async (t) => {
  const { shell, file } = await withData(t, "long");
  await choose(shell, "Back Up…", file);
  const window = await find(shell, "backup");
  await says(window, "#progress", "33 %");
  await shoot(window, "backing-up");
  await window.click("text=Stop");
  await until(() => shell.log().includes("Backing up your data: cancelled"), 20_000);
  await until(() => window.isClosed(), 20_000);
  assert.equal(existsSync(file), false);
  assert.deepEqual(await shell.app.evaluate(() => global.boxes), []);

  await choose(shell, "Restore a Backup…", file);
  const page = await find(shell, "restore");
  await says(page, "#status", "There is no backup yet.");
  await page.click("text=From a File…");
  await says(page, "#status", "Reading the file: 33 %");
  await shoot(page, "restore-file-reading");
  await page.click("text=Stop");
  await says(page, "#status", "There is no backup yet.");
  assert.equal(shell.read("data"), "now");
});

test("a file of another app is refused; one of this app is restored once a person has seen what is in it", async (t) => {
  const { shell, file } = await withData(t);
  writeFileSync(file, "foreign");
  await choose(shell, "Restore a Backup…", file);
  const page = await find(shell, "restore");
  await says(page, "#status", "There is no backup yet.");
  await page.click("text=From a File…");
  await says(page, "#status", "kept.zip is a backup of another app, Other.");
  await says(page, "#detail", "DDK-RUN-23");
  await shoot(page, "restore-file-refused");
  writeFileSync(file, "from the file");
  await page.click("text=From a File…");
  await says(page, "#status", "Shall this take the place of your data?");
  await says(page, "#detail", "Fake 1.0: 1,234 rows, 1 file, 5.6 MB");
  await shoot(page, "restore-file");
  assert.equal(shell.read("data"), "now");
  assert.equal(shell.backendPid(), undefined);
  await page.keyboard.press("Enter");
  assert.equal((await box(shell)).message, "The backup is in place.");
  await shell.main(); // without a click
  assert.equal(shell.read("data"), "from the file");
});
