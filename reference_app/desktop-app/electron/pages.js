// The shell's own pages, served from files by a scheme of their own: no file:// page, no script, no request elsewhere.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { OWN_PAGES, OWN_SCHEME } from "./navigation.js";

export const SCHEME = {
  scheme: OWN_SCHEME.slice(0, -1),
  privileges: { standard: true, secure: true },
};

const NAMES = ["splash", "error", "find", "restore", "backup"];
const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    "img-src data:",
    "font-src data:",
    `form-action ${OWN_SCHEME}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

export const pageUrl = (name) => `${OWN_PAGES}${name}`;

/** `brand` may hold a splash.html of the project; it replaces the neutral one. */
export function servePages(session, { electronDir, brand }) {
  const files = Object.fromEntries(
    NAMES.map((name) => [pageUrl(name), join(electronDir, "pages", `${name}.html`)]),
  );
  const branded = join(brand, "splash.html");
  if (existsSync(branded)) {
    files[pageUrl("splash")] = branded;
  }
  session.protocol.handle(SCHEME.scheme, async ({ url }) => {
    const file = Object.hasOwn(files, url) ? files[url] : null;
    return file
      ? new Response(await readFile(file, "utf8"), { headers: HEADERS })
      : new Response("Not found", {
          status: 404,
          headers: { ...HEADERS, "Content-Type": "text/plain" },
        });
  });
}

/** Puts texts into the elements with these ids; pages lay out, the shell only tells. */
export function fillPage(contents, texts) {
  const script = `for (const [id, text] of Object.entries(${JSON.stringify(texts)})) {
    const element = document.getElementById(id);
    if (element) { element.textContent = text; }
  }`;
  return contents.executeJavaScript(script).catch(() => {}); // the page may have gone in the meantime
}
