// The whole bridge: window.desktop.openAppDataFolder().
const { contextBridge, ipcRenderer } = require("electron");

contextBridge.exposeInMainWorld("desktop", {
  openAppDataFolder: async () => {
    await ipcRenderer.invoke("open-app-data-folder");
  },
});
