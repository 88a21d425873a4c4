// What the shell remembers between two launches: shell.json in the app data folder.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export class ShellState {
  #file;
  #values = {};

  constructor(file) {
    this.#file = file;
    try {
      const values = JSON.parse(readFileSync(file, "utf8"));
      if (values && typeof values === "object" && !Array.isArray(values)) {
        this.#values = values;
      }
    } catch {
      // Absent or damaged: nothing in it is worth more than a fresh start.
    }
  }

  get(name) {
    return this.#values[name];
  }

  /**
   * Writes at once, so that a killed shell has left its record; undefined removes the name. Where nothing can be
   * written, this launch alone remembers.
   */
  set(name, value) {
    this.#values[name] = value;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      const draft = `${this.#file}.new`;
      writeFileSync(draft, JSON.stringify(this.#values), { mode: 0o600 });
      renameSync(draft, this.#file);
    } catch {
      // A full disk must not keep the shell from starting, or from saying what is wrong: the backend says it.
    }
  }
}
