// The application menu. Everything Electron has a role for uses it.

const SEPARATOR = { type: "separator" };
// A second key for what is in the menu already.
const HIDDEN = { visible: false, acceleratorWorksWhenHidden: true };

/**
 * A template for Electron's Menu. `actions` are functions; `checkForUpdates` is absent without a feed, `newPassword` where the
 * project has passwords of its own. `spelling` tells whether it is checked.
 */
export function menuTemplate({ name, platform, developer, spelling, actions }) {
  const mac = platform === "darwin";
  const about = { label: `About ${name}`, click: actions.about };
  const updates = actions.checkForUpdates
    ? [{ label: "Check for Updates…", click: actions.checkForUpdates }]
    : [];
  return [
    ...(mac ? [appMenu(name, [about, ...updates])] : []),
    fileMenu(mac, actions),
    editMenu(mac, spelling, actions),
    goMenu(mac, actions),
    viewMenu(developer),
    { role: "windowMenu" },
    helpMenu(
      mac ? [] : [...(updates.length ? [SEPARATOR, ...updates] : []), SEPARATOR, about],
      actions,
    ),
  ];
}

/** The first menu of macOS, which bears the application's name. */
function appMenu(label, first) {
  return {
    label,
    submenu: [
      ...first,
      SEPARATOR,
      { role: "services" },
      SEPARATOR,
      { role: "hide" },
      { role: "hideOthers" },
      { role: "unhide" },
      SEPARATOR,
      { role: "quit" },
    ],
  };
}

function fileMenu(mac, actions) {
  const password = actions.newPassword
    ? [{ label: "New Password…", click: actions.newPassword }]
    : [];
  return {
    label: "&File",
    submenu: [
      { label: "Print…", accelerator: "CmdOrCtrl+P", click: actions.print },
      SEPARATOR,
      { label: "Back Up…", click: actions.backUp },
      { label: "Restore a Backup…", click: actions.restore },
      { label: "Export…", click: actions.exportData },
      ...password,
      SEPARATOR,
      mac ? { role: "close" } : { role: "quit" },
    ],
  };
}

function editMenu(mac, checked, actions) {
  const spelling = {
    label: "Check Spelling",
    type: "checkbox",
    checked,
    click: actions.toggleSpelling,
  };
  return {
    label: "&Edit",
    submenu: [
      { role: "undo" },
      { role: "redo" },
      SEPARATOR,
      { role: "cut" },
      { role: "copy" },
      { role: "paste" },
      { role: "selectAll" },
      SEPARATOR,
      { label: "Find…", accelerator: "CmdOrCtrl+F", click: actions.find },
      ...(mac ? [] : [SEPARATOR, spelling]),
    ],
  };
}

function goMenu(mac, actions) {
  return {
    label: "&Go",
    submenu: [
      { label: "Back", accelerator: mac ? "Cmd+[" : "Alt+Left", click: actions.back },
      { label: "Forward", accelerator: mac ? "Cmd+]" : "Alt+Right", click: actions.forward },
      { label: "Home", accelerator: mac ? "Shift+Cmd+H" : "Alt+Home", click: actions.home },
      { label: "Reload", accelerator: "CmdOrCtrl+R", click: actions.reload },
      { ...HIDDEN, label: "Reload", accelerator: "F5", click: actions.reload },
    ],
  };
}

function viewMenu(developer) {
  return {
    label: "&View",
    submenu: [
      { role: "resetZoom", label: "Actual Size" },
      { role: "zoomIn" },
      { role: "zoomOut" },
      // The same on the number pad, and plus without Shift.
      { ...HIDDEN, role: "zoomIn", accelerator: "CmdOrCtrl+=" },
      { ...HIDDEN, role: "zoomIn", accelerator: "CmdOrCtrl+numadd" },
      { ...HIDDEN, role: "zoomOut", accelerator: "CmdOrCtrl+numsub" },
      { ...HIDDEN, role: "resetZoom", accelerator: "CmdOrCtrl+num0" },
      SEPARATOR,
      { role: "togglefullscreen" },
      ...(developer ? [SEPARATOR, { role: "toggleDevTools" }] : []),
    ],
  };
}

function helpMenu(last, actions) {
  return {
    role: "help",
    submenu: [
      { label: "Open App Data Folder", click: actions.openAppData },
      { label: "Open Logs", click: actions.openLogs },
      { label: "Copy Diagnostics", click: actions.copyDiagnostics },
      ...last,
    ],
  };
}
