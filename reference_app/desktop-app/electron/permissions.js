// What pages may ask of the system. Anything absent is refused.

const GRANTED = new Set([
  "clipboard-sanitized-write", // "copy" buttons; reading the clipboard stays refused
  "fullscreen", // videos and presentations; Escape leaves it
]);

export function permissionGranted({ permission, requester, origin }) {
  if (!origin || !GRANTED.has(permission)) {
    return false;
  }
  try {
    return new URL(requester).origin === origin;
  } catch {
    return false;
  }
}

/** Both questions Electron asks: `request` when a page wants something, `check` when it looks whether it could. */
export function applyPermissions(session, { getOrigin, report }) {
  session.setPermissionRequestHandler((contents, permission, answer, details) => {
    const requester = details?.requestingUrl ?? contents?.getURL() ?? "";
    const granted = permissionGranted({ permission, requester, origin: getOrigin() });
    if (!granted) {
      report(`refused permission ${permission}`);
    }
    answer(granted);
  });
  session.setPermissionCheckHandler((_contents, permission, requester) =>
    permissionGranted({ permission, requester, origin: getOrigin() }),
  );
  session.setDevicePermissionHandler?.(() => false);
}
