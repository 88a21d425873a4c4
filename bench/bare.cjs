// The least that any window of Electron is.
const { app, BrowserWindow } = require("electron");

app.whenReady().then(() => {
  const window = new BrowserWindow({ show: false });
  window.once("ready-to-show", () => window.show());
  window.loadURL("data:text/html,<h1>bare</h1>");
});
