// Loaded into the main process of a shell (`electron -r`) that a check watches: notes what its windows do, keeps what
// would leave the application, and carries out the few commands of shell.py, one JSON object a line.
const { connect } = require("node:net");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { app, BrowserWindow, dialog, shell, webContents } = require("electron");

const began = Date.now();
const notes = {
  shown: [], // {window, url, painted, ms}: each time a window becomes visible
  focused: 0,
  opened: [], // addresses handed to the system
  folders: [], // folders and files shown by the system
  said: [], // texts of message boxes, which nobody would answer
  asking: 0, // message boxes that are open now
  most: 0, // that were open at once
  preferences: [], // {url, sandbox, contextIsolation, nodeIntegration} of each window
};

shell.openExternal = async (url) => {
  notes.opened.push(url);
};
shell.openPath = async (path) => {
  notes.folders.push(path);
  return "";
};
const message = (box) => [box.message, box.detail].filter(Boolean).join(": ");
dialog.showErrorBox = (title, text) => notes.said.push(`${title}: ${text}`);
let hold = 0; // milliseconds until a message box is answered
dialog.showMessageBox = async (...box) => {
  notes.said.push(message(box.pop()));
  notes.asking += 1;
  notes.most = Math.max(notes.most, notes.asking);
  await new Promise((answer) => setTimeout(answer, hold));
  notes.asking -= 1;
  return { response: 0, checkboxChecked: false };
};
dialog.showMessageBoxSync = (...box) => {
  notes.said.push(message(box.pop()));
  return 0;
};

// Without a question where to: nobody would answer it.
app.on("session-created", (session) =>
  session.on("will-download", (_event, item) =>
    item.setSavePath(join(process.env.DDK_CHECKS_DOWNLOADS, item.getFilename())),
  ),
);

app.on("browser-window-created", (_event, window) => {
  let painted = false;
  const shown = () =>
    notes.shown.push({
      window: window.id,
      url: window.webContents.getURL(),
      painted,
      ms: Date.now() - began,
    });
  window.once("ready-to-show", () => {
    painted = true;
  });
  window.on("show", shown);
  if (window.isVisible()) {
    shown();
  }
  const focus = window.focus.bind(window);
  window.focus = () => {
    notes.focused += 1;
    focus();
  };
  const contents = window.webContents;
  const { sandbox, contextIsolation, nodeIntegration } = contents.getLastWebPreferences();
  const preferences = { url: "", sandbox, contextIsolation, nodeIntegration };
  notes.preferences.push(preferences);
  contents.once("dom-ready", () => {
    preferences.url = contents.getURL();
  });
});

const page = (id) => BrowserWindow.fromId(id).webContents;
const commands = {
  look: () => ({
    notes,
    electron: process.versions.electron,
    windows: BrowserWindow.getAllWindows().map((window) => ({
      id: window.id,
      visible: window.isVisible(),
      url: window.webContents.getURL(),
      busy: window.webContents.isLoading(),
    })),
    views: webContents.getAllWebContents().length,
  }),
  load: ({ window, url }) => page(window).loadURL(url),
  run: ({ window, script, gesture }) => page(window).executeJavaScript(script, gesture),
  hold: ({ ms }) => {
    hold = ms;
  },
  /** How many pixels of the page are red. */
  red: async ({ window }) => {
    const pixels = (await page(window).capturePage()).toBitmap(); // blue, green, red, opacity
    let red = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      red += pixels[at] < 90 && pixels[at + 1] < 90 && pixels[at + 2] > 180; // not the same on every screen
    }
    return red;
  },
  picture: async ({ window }) => (await page(window).capturePage()).toJPEG(60).toString("base64"),
  close: ({ window }) => BrowserWindow.fromId(window).destroy(),
  quit: () => app.quit(),
};

const control = connect(Number(process.env.DDK_CHECKS_CONTROL), "127.0.0.1");
control.on("error", () => {}); // the suite has gone
createInterface({ input: control }).on("line", async (line) => {
  const { id, command, given } = JSON.parse(line);
  let answer;
  try {
    answer = { value: await commands[command](given) };
  } catch (error) {
    answer = { error: String(error) };
  }
  control.write(`${JSON.stringify({ id, ...answer })}\n`);
});
