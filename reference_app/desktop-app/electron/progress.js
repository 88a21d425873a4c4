// What a person reads of a start that changes their data.

const WORDS = {
  rehearsing: "Trying the update on a copy of your data",
  migrating: "Preparing your data",
};
// What is over sooner is not worth a promise.
const SHORTEST_SECONDS = 10;

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
