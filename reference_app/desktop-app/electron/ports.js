// Candidates for the backend's port. The backend itself decides by binding it.
import { randomInt } from "node:crypto";
import getPort from "get-port";

// Below the ephemeral range of every system, so that outgoing connections do not take the port between two launches.
const LOWEST = 20000;
const HIGHEST = 32767;
const CANDIDATES = 20;

const isPort = (value) => Number.isInteger(value) && value >= LOWEST && value <= HIGHEST;

/** A port that looks free: the remembered ones first, so that the pages' origin and their local storage stay. */
export function choosePort({ remembered, taken = [] }) {
  const random = Array.from({ length: CANDIDATES }, () => randomInt(LOWEST, HIGHEST + 1));
  const port = [...remembered, ...random].filter(
    (value) => isPort(value) && !taken.includes(value),
  );
  return getPort({ port, host: "127.0.0.1", exclude: taken });
}

/** The ports of earlier launches in `state`, the first of all at the front. */
export const rememberedPorts = (state) => [state.get("port"), state.get("otherPort")];

/** The first port stays the app's own, also when it was taken once: what pages keep belongs to its origin. */
export function rememberPort(state, port) {
  const [first] = rememberedPorts(state);
  state.set(isPort(first) && first !== port ? "otherPort" : "port", port);
}
