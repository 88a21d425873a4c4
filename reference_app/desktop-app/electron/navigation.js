// Where a page may go. Pure verdicts; guards.js carries them out.

export const OWN_SCHEME = "desktop-shell:";
export const OWN_PAGES = `${OWN_SCHEME}//pages/`;
export const OWN_ACTIONS = `${OWN_SCHEME}//action/`;

// Chromium shows PDF files with an extension of its own, which takes styles and scripts from Chromium. No page may
// ask for these.
const PDF_VIEWER = [
  "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/",
  "chrome://resources/",
  "chrome-untrusted://resources/",
];
const EMPTY = "about:blank";

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::\d?\]|\[::ffff:.+\])\.?$/;

function parse(url) {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}

const sameOrigin = (url, origin) =>
  origin !== null && url.origin === origin && !url.username && !url.password;

function isExternal(url) {
  if (url.protocol === "mailto:") {
    return true;
  }
  // Other services of this computer are nobody's link: opening one would make the system browser call it.
  const web = url.protocol === "https:" || url.protocol === "http:";
  return web && !url.username && !url.password && !LOOPBACK.test(url.hostname);
}

/**
 * The verdict for a navigation or redirect of a whole page from `from` to `to`:
 * "allow", "action" (a button of an own page), "external" (for the system's browser or mail program) or "deny".
 */
export function navigationVerdict({ from, to, origin }) {
  const target = parse(to);
  if (!target) {
    return "deny";
  }
  if (target.href.startsWith(OWN_ACTIONS)) {
    return from.startsWith(OWN_PAGES) ? "action" : "deny";
  }
  if (sameOrigin(target, origin)) {
    return "allow";
  }
  return isExternal(target) ? "external" : "deny";
}

/** The verdict for window.open and target=_blank: "child" (a window with the same guards), "external" or "deny". */
export function windowOpenVerdict({ to, origin }) {
  const target = parse(to || EMPTY);
  if (!target) {
    return "deny";
  }
  // An empty window is of the origin of its opener, which writes a receipt into it.
  if (sameOrigin(target, origin) || target.href === EMPTY) {
    return "child";
  }
  return isExternal(target) ? "external" : "deny";
}

/** Where a window goes that showed `shown` of the backend at `former`, once one serves at `origin`; null: nowhere. */
export function addressAfterRestart({ shown, former, origin }) {
  return former && shown.startsWith(`${former}/`) ? origin + shown.slice(former.length) : null;
}

/** Whether a request may leave the page. Others are refused at once: no page waits for a network that is not there. */
export function requestAllowed({ url, origin, devTools }) {
  const target = parse(url);
  if (!target) {
    return false;
  }
  if (
    ["data:", "about:", OWN_SCHEME].includes(target.protocol) ||
    PDF_VIEWER.some((start) => target.href.startsWith(start))
  ) {
    return true;
  }
  if (target.protocol === "devtools:") {
    return devTools;
  }
  if (target.protocol === "blob:") {
    return sameOrigin(target, origin);
  }
  const http = target.protocol === "ws:" ? parse(target.href.replace(/^ws:/, "http:")) : target;
  return sameOrigin(http, origin);
}
