// WebRTC reaches other servers past every request policy: with datagrams, and over TCP to a peer or a TURN server. Either
// would learn this computer's addresses.

/** No datagrams: what is left is TCP. */
export function refuseDatagrams(contents) {
  contents.setWebRTCIPHandlingPolicy("disable_non_proxied_udp");
}

// Over TCP WebRTC asks for the proxy of an https address: nobody listens at this one. Requests to other origins are refused
// before they ask, and the backend, which is no https address, is asked directly.
const NOBODY = {
  proxyRules: "https=127.0.0.1:9",
  proxyBypassRules: "<-loopback>,http://127.0.0.1,ws://127.0.0.1",
};

/** {refuse, allow} the connections of a session over TCP that are no requests of its pages; allowed at first. */
export function createConnections(session, report) {
  let refused = false;
  const set = (proxy) =>
    session.setProxy(proxy).catch((error) => report(`unexpected: ${error.message}`));
  return {
    refuse() {
      refused = true;
      return set(NOBODY);
    },
    allow() {
      return refused ? set({ mode: "system" }) : Promise.resolve();
    },
  };
}
