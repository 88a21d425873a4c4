// The application menu. Everything Electron has a role for uses it.

const SEPARATOR = { type: "separator" };
// A second key for what is in the menu already.
const HIDDEN = { visible: false, acceleratorWorksWhenHidden: true };

/**
 * A template for Electron's Menu. `actions` are functions; `checkForUpdates` is absent without a feed, `newPassword` where the
 * project has passwords of its own. `spelling` tells
 * whether it is checked.
 */
export function menuTemplate({ name, platform, developer, spelling, actions }) {
  const mac = platform === "darwin";
  const checkSpelling = {
    label: "Check Spelling",
    type: "checkbox",
    checked: spelling,
    click: actions.toggleSpelling,
  };
  const about = { label: `About ${name}`, click: actions.about };
  const updates = actions.checkForUpdates
    ? [{ label: "Check for Updates…", click: actions.checkForUpdates }]
    : [];
  const password = actions.newPassword
    ? [{ label: "New Password…", click: actions.newPassword }]
    : [];
  const appMenu = {
    label: name,
    submenu: [
      about,
      ...updates,
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
  return [
    ...(mac ? [appMenu] : []),
    {
      label: "&File",
      submenu: [
        { label: "Print…", accelerator: "CmdOrCtrl+P", click: actions.print },
        SEPARATOR,
        { label: "Restore a Backup…", click: actions.restore },
        ...password,
        SEPARATOR,
        mac ? { role: "close" } : { role: "quit" },
      ],
    },
    {
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
        ...(mac ? [] : [SEPARATOR, checkSpelling]),
      ],
    },
    {
      label: "&Go",
      submenu: [
        { label: "Back", accelerator: mac ? "Cmd+[" : "Alt+Left", click: actions.back },
        { label: "Forward", accelerator: mac ? "Cmd+]" : "Alt+Right", click: actions.forward },
        { label: "Home", accelerator: mac ? "Shift+Cmd+H" : "Alt+Home", click: actions.home },
        { label: "Reload", accelerator: "CmdOrCtrl+R", click: actions.reload },
        { ...HIDDEN, label: "Reload", accelerator: "F5", click: actions.reload },
      ],
    },
    {
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
    },
    { role: "windowMenu" },
    {
      role: "help",
      submenu: [
        { label: "Open App Data Folder", click: actions.openAppData },
        { label: "Open Logs", click: actions.openLogs },
        { label: "Copy Diagnostics", click: actions.copyDiagnostics },
        ...(mac ? [] : [...(updates.length ? [SEPARATOR, ...updates] : []), SEPARATOR, about]),
      ],
    },
  ];
}
