// Carries out the verdicts of navigation.js on every page there is.
import { navigationVerdict, OWN_ACTIONS, windowOpenVerdict } from "./navigation.js";

const empty = new WeakSet();

/** Whether these contents have shown no page yet. */
export const isEmpty = (contents) => empty.has(contents);

/**
 * `contents` is any webContents; `leaving` is of createLeaving(); `childOptions` are the window options of a same-origin child; `abandon` is called with
 * contents that may not go to their first page.
 */
export function guardContents(
  contents,
  { getOrigin, leaving, act, abandon, childOptions, report },
) {
  empty.add(contents);
  contents.once("did-navigate", () => empty.delete(contents));
  const judge = (event) => {
    const to = event.url;
    const verdict = navigationVerdict({ from: contents.getURL(), to, origin: getOrigin() });
    if (verdict === "allow") {
      return;
    }
    event.preventDefault();
    if (verdict === "external") {
      leaving.leave(contents, to);
    } else if (verdict === "action") {
      act(new URL(to.slice(OWN_ACTIONS.length - 1), "action://own"), contents);
    } else {
      report(`refused to go to ${to.slice(0, 200)}`);
    }
    if (isEmpty(contents)) {
      abandon(contents);
    }
  };
  contents.on("input-event", (_event, { type }) => leaving.noteInput(contents, type));
  contents.on("will-navigate", judge);
  contents.on("will-redirect", (event) => event.isMainFrame && judge(event));
  contents.on("will-attach-webview", (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    const verdict = windowOpenVerdict({ to: url, origin: getOrigin() });
    if (verdict === "child") {
      return { action: "allow", overrideBrowserWindowOptions: childOptions };
    }
    if (verdict === "external") {
      leaving.leave(contents, url);
    } else {
      report(`refused to open a window for ${url.slice(0, 200)}`);
    }
    return { action: "deny" };
  });
}
