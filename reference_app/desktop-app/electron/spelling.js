// Spelling. macOS checks with its own dictionaries; elsewhere Chromium fetches one from its servers, so only for a person
// who asks for it. main.js has every session begin without a language.

/** The best of the languages that can be checked, as a list; empty when `locale` is not among them. */
export function dictionaryFor(locale, available) {
  const [language] = locale.split("-");
  const found =
    available.find((each) => each === locale) ??
    available.find((each) => each === language) ??
    available.find((each) => each.startsWith(`${language}-`));
  return found ? [found] : [];
}

/**
 * {wanted, toggle}: whether pages are checked, and the other way round from now on. The `connections` of the session are
 * allowed until its dictionary is there.
 */
export function createSpelling({ session, connections, state, locale }) {
  const wanted = () => state.get("spelling") === true;
  const apply = () => {
    const languages = wanted() ? dictionaryFor(locale, session.availableSpellCheckerLanguages) : [];
    connections[languages.length ? "allow" : "refuse"]();
    session.setSpellCheckerLanguages(languages);
  };
  for (const end of ["initialized", "download-failure"]) {
    session.on(`spellcheck-dictionary-${end}`, connections.refuse);
  }
  setImmediate(apply); // after main.js
  return {
    wanted,
    toggle() {
      state.set("spelling", !wanted());
      apply();
    },
  };
}
