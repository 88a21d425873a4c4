// The secret between shell and backend, and the one rule for where it is sent.
import { randomBytes } from "node:crypto";

export const HEADER = "X-Desktop-Django-Token";

export const createToken = () => randomBytes(32).toString("base64url");

/** True for http and ws requests to exactly this origin, however else their address is written. */
export function isBackendUrl(url, origin) {
  if (!origin) {
    return false;
  }
  try {
    const { protocol, host, username, password } = new URL(url);
    const scheme = protocol === "http:" || protocol === "ws:";
    return scheme && host === new URL(origin).host && username === "" && password === "";
  } catch {
    return false;
  }
}

/** The request's headers, with the token only where it belongs; a page can neither set nor forge it. */
export function withToken(headers, { url, origin, token }) {
  const kept = Object.entries(headers).filter(
    ([name]) => name.toLowerCase() !== HEADER.toLowerCase(),
  );
  return { ...Object.fromEntries(kept), ...(isBackendUrl(url, origin) ? { [HEADER]: token } : {}) };
}
