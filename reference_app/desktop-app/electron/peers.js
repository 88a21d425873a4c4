// WebRTC reaches other servers past every request policy: with datagrams, and over TCP to a peer or a TURN server. Either would
// learn this computer's addresses.

/** No datagrams: what is left is TCP. */
export function refuseDatagrams(contents) {
  contents.setWebRTCIPHandlingPolicy("disable_non_proxied_udp");
}

const NOBODY = "127.0.0.1:9";
const OWN = ["http://127.0.0.1", "ws://127.0.0.1"];
// Where Chromium gets a dictionary from when a person wants spelling checked, and where that leads to.
const DICTIONARIES = "gvt1.com";

/**
 * Over TCP WebRTC asks for the proxy of an https address: it gets one at which nobody listens. Pages of the backend ask for
 * none, and requests to other origins are refused before. Dictionaries come as the system has it.
 */
export async function refuseConnections(session) {
  const way = await session.resolveProxy(`https://redirector.${DICTIONARIES}/`);
  await session.setProxy(way === "DIRECT" ? refusingRules() : { pacScript: refusingScript(way) });
}

export function refusingRules() {
  const direct = ["<-loopback>", ...OWN, `https://*.${DICTIONARIES}`];
  return { proxyRules: `https=${NOBODY}`, proxyBypassRules: direct.join(",") };
}

/** The same where the system has a proxy: rules have no way to name it for the dictionaries alone. */
export function refusingScript(way) {
  const script = `function FindProxyForURL(url, host) {
    if (/^(http|ws):/.test(url)) return "DIRECT";
    return host.endsWith(".${DICTIONARIES}") ? ${JSON.stringify(way)} : "PROXY ${NOBODY}";
  }`;
  return `data:application/x-ns-proxy-autoconfig;base64,${Buffer.from(script).toString("base64")}`;
}
