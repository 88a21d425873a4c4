// The menu of the right mouse button: what can be done with the text under it.

/** A template for Electron's Menu; empty where there is nothing to offer. */
export function contextTemplate({ params, replaceMisspelling, addToDictionary }) {
  const {
    editFlags,
    isEditable,
    misspelledWord,
    dictionarySuggestions = [],
    selectionText = "",
  } = params;
  const spelling = isEditable && misspelledWord ? dictionarySuggestions : [];
  const template = spelling.map((label) => ({ label, click: () => replaceMisspelling(label) }));
  if (isEditable && misspelledWord) {
    template.push(
      { label: "Add to Dictionary", click: () => addToDictionary(misspelledWord) },
      { type: "separator" },
    );
  }
  if (isEditable) {
    template.push(
      { role: "cut", enabled: editFlags.canCut },
      { role: "copy", enabled: editFlags.canCopy },
      { role: "paste", enabled: editFlags.canPaste },
      { role: "selectAll", enabled: editFlags.canSelectAll },
    );
  } else if (selectionText.trim()) {
    template.push({ role: "copy" });
  }
  return template;
}

export function attachContextMenu(contents, Menu) {
  contents.on("context-menu", (_event, params) => {
    const template = contextTemplate({
      params,
      replaceMisspelling: (word) => contents.replaceMisspelling(word),
      addToDictionary: (word) => contents.session.addWordToSpellCheckerDictionary(word),
    });
    if (template.length > 0) {
      Menu.buildFromTemplate(template).popup();
    }
  });
}
