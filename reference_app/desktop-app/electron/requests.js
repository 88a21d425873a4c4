// Every request of the app's session: the token for the backend, a refusal for everything foreign.
import { requestAllowed } from "./navigation.js";
import { withToken } from "./token.js";

export function applyRequestPolicy(session, { getOrigin, getToken, devTools, report }) {
  const reported = new Set();
  session.webRequest.onBeforeRequest((details, answer) => {
    const allowed = requestAllowed({ url: details.url, origin: getOrigin(), devTools });
    const place = details.url.slice(0, 200).replace(/[?#].*$/s, "");
    if (!allowed && !reported.has(place)) {
      reported.add(place);
      report(`refused request to ${place}`);
    }
    answer({ cancel: !allowed });
  });
  session.webRequest.onBeforeSendHeaders((details, answer) => {
    const target = { url: details.url, origin: getOrigin(), token: getToken() };
    answer({ requestHeaders: withToken(details.requestHeaders, target) });
  });
}
