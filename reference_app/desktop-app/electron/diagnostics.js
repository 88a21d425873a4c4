// What a person can send along with a question. Never the token, never content.

export function diagnosticsText({ manifest, place, interpreter, appData, backend, versions }) {
  return [
    `${manifest.name} ${manifest.version} (${manifest.identifier}, ${place.mode})`,
    `System: ${process.platform} ${process.arch}`,
    `Electron ${versions.electron}, Chromium ${versions.chrome}, Node ${versions.node}`,
    `Python ${backend?.python ?? "unknown"}, Django ${backend?.django ?? "unknown"}`,
    `Interpreter: ${interpreter.python} (${interpreter.source})`,
    `Data: ${appData}`,
  ].join("\n");
}
