#!/bin/sh
# Fails if a program or library inside a macOS application has no valid signature.
# usage: signatures.sh FOLDER-WITH-THE-APP
set -eu

app="$(find "$1" -maxdepth 2 -name '*.app' -type d | head -n 1)"
[ -n "$app" ] || { echo "no application in $1" >&2; exit 1; }

codesign --verify --deep --strict "$app"
unsigned=0
for file in $(find "$app" -type f \( -name '*.so' -o -name '*.dylib' -o -path '*/python/bin/*' \) | tr ' ' '?'); do
  if ! codesign --verify --strict $file 2>/dev/null; then
    echo "not signed: $file" >&2
    unsigned=$((unsigned + 1))
  fi
done
echo "$unsigned unsigned"
[ "$unsigned" -eq 0 ]
# Only a notarised application passes Gatekeeper.
if [ -n "${APPLE_API_KEY:-}" ]; then
  spctl --assess --type execute "$app"
  xcrun stapler validate "$app"
fi
