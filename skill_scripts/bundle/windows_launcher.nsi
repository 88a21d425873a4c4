; What a person starts in the application's folder: it runs the bundle, without a window of its own,
; for as long as the bundle runs. Built by windows_package.py, which defines the names.
Unicode true
Name "${TITLE}"
OutFile "${OUT}"
Icon "${ICON}"
RequestExecutionLevel user
SilentInstall silent
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "${TITLE}"
VIAddVersionKey "FileDescription" "${TITLE}"
VIAddVersionKey "CompanyName" "${AUTHOR}"
VIAddVersionKey "LegalCopyright" "${AUTHOR}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"

Section
  ExecWait '"$EXEDIR\${PYTHON}" ${FLAGS} "$EXEDIR\${SCRIPT}"' $0
  SetErrorLevel $0
SectionEnd
