// What a person is told of a start, and when.

const WORDS = {
  rehearsing: "Trying the update on a copy of your data",
  migrating: "Preparing your data",
};
// What is over sooner is not worth a promise.
const SHORTEST_SECONDS = 10;
// Who waits no longer need not be told anything: https://www.nngroup.com/articles/response-times-3-important-limits/
const UNNOTICED_MS = 1000;

/** Milliseconds until a splash is shown: none where the last start, if it is known, was a long one. */
export const splashDelay = (lastStartMs) => (lastStartMs > UNNOTICED_MS ? 0 : UNNOTICED_MS);

function leftText(seconds) {
  if (!(seconds >= SHORTEST_SECONDS)) {
    return "";
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 2 ? ", about a minute left" : `, about ${minutes} minutes left`;
}

/** The line for a `rehearsing` or `migrating` event. */
export function progressText({ event, done, total, seconds_left: left }) {
  const count = total ? ` (${done} of ${total})` : "";
  return `${WORDS[event]}${count}${leftText(left)}`;
}
