// What a mouse does in every browser, and Electron leaves to the app.

const ZOOM_STEP = 0.5;

/** The wheel with Ctrl. */
export function followWheel(contents) {
  contents.on("zoom-changed", (_event, direction) => {
    contents.zoomLevel += direction === "in" ? ZOOM_STEP : -ZOOM_STEP;
  });
}

/** The buttons at its side (Windows and Linux). */
export function followButtons(window) {
  window.on("app-command", (_event, command) => {
    const { navigationHistory } = window.webContents;
    if (command === "browser-backward") {
      navigationHistory.goBack();
    } else if (command === "browser-forward") {
      navigationHistory.goForward();
    }
  });
}
