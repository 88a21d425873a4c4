// Required into an Electron before its own program: writes down when something can be seen.
// BENCH_MARKS is the file, BENCH_PAGE the beginning of the addresses that count as the app's page.
// biome-ignore lint/style/useNodejsImportProtocol: the old Electron of the tests does not know it.
const { appendFileSync } = require("fs");
const { app } = require("electron");

const LOOK_MS = 5;
const LOOKED_MS = 3000;
// Chromium's own clock of the first paint, which does not depend on when it is asked.
const FIRST_PAINT = `new Promise((done) => {
  const end = Date.now() + ${LOOKED_MS};
  const look = () => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    if (paint || Date.now() > end) {
      done(paint ? performance.timeOrigin + paint.startTime : 0);
    } else {
      setTimeout(look, ${LOOK_MS});
    }
  };
  look();
})`;
const told = new Set();

function mark(name, at) {
  if (!told.has(name)) {
    told.add(name);
    appendFileSync(process.env.BENCH_MARKS, `${name} ${at}\n`);
  }
}

app.on("browser-window-created", (_event, window) => {
  let visible = window.isVisible() ? Date.now() : 0;
  let painted = 0;
  const judge = () => {
    if (visible) {
      mark("visible", visible);
    }
    if (painted) {
      mark("painted", painted);
    }
    if (visible && painted) {
      mark("shown", Math.max(visible, painted));
    }
  };
  judge();
  window.on("show", () => {
    visible = visible || Date.now();
    judge();
  });
  const contents = window.webContents;
  contents.on("dom-ready", async () => {
    if (!painted && contents.getURL().startsWith(process.env.BENCH_PAGE)) {
      painted = (await contents.executeJavaScript(FIRST_PAINT).catch(() => 0)) || painted;
      judge();
    }
  });
});
