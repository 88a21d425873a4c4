// Log files: rotation, their last lines, and the shell's own log.
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { privateFolder } from "./places.js";

const KEPT = 5;
const TAIL_BYTES = 16 * 1024;
const ECHO_MS = 300;

function rotate(file) {
  privateFolder(dirname(file));
  for (let number = KEPT - 1; number >= 0; number -= 1) {
    const name = number === 0 ? file : `${file}.${number}`;
    if (existsSync(name) && statSync(name).size > 0) {
      renameSync(name, `${file}.${number + 1}`);
    }
  }
}

/** A descriptor of a fresh log file; five earlier ones are kept as FILE.1 (the youngest) to FILE.5. */
export function openLog(file) {
  rotate(file);
  return openSync(file, "a", 0o600);
}

export function lastLines(file, count) {
  try {
    const content = readFileSync(file);
    const end = content.slice(Math.max(0, content.length - TAIL_BYTES)).toString("utf8");
    return end.trimEnd().split(/\r?\n/).slice(-count).join("\n");
  } catch {
    return "";
  }
}

/** The shell's own log: a function that appends one line. A full disk must not end the app, so failures are dropped. */
export function createLog(file, echo = () => {}) {
  rotate(file);
  return (message) => {
    const line = `${new Date().toISOString()} ${message}`;
    echo(line);
    try {
      appendFileSync(file, `${line}\n`, { mode: 0o600 });
    } catch {
      echo(`${file} cannot be written`);
    }
  };
}

/** Development only: copies what is added to `file` to a stream. */
export function echoLog(file, stream) {
  let position = 0;
  const buffer = Buffer.alloc(TAIL_BYTES);
  const copy = () => {
    if (!existsSync(file)) {
      return;
    }
    const log = openSync(file, "r");
    position = statSync(file).size < position ? 0 : position; // a fresh file after a restart
    for (let read = readSync(log, buffer, 0, buffer.length, position); read > 0; ) {
      stream.write(buffer.slice(0, read));
      position += read;
      read = readSync(log, buffer, 0, buffer.length, position);
    }
    closeSync(log);
  };
  setInterval(copy, ECHO_MS).unref();
}
