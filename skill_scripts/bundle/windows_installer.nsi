; Installs for one user, without administrator rights; /S is silent, and /D=FOLDER, as the last
; argument, says where. Built by windows_package.py, which defines the names.
Unicode true
!include LogicLib.nsh
!include Win\COM.nsh
!include Win\Propkey.nsh
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${IDENTIFIER}"
!define SHORTCUT "$SMPROGRAMS\${FILE}.lnk"
!define STARTED '"$INSTDIR\${PYTHON}" ${FLAGS} "$INSTDIR\${SCRIPT}"'

Name "${TITLE}"
OutFile "${OUT}"
Icon "${ICON}"
UninstallIcon "${ICON}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${FILE}"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
AutoCloseWindow true
BrandingText "${TITLE} ${VERSION}"
ShowInstDetails nevershow
ShowUninstDetails nevershow
UninstallText "Your data stays in $LOCALAPPDATA\${IDENTIFIER}."
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "${TITLE}"
VIAddVersionKey "FileDescription" "${TITLE}"
VIAddVersionKey "CompanyName" "${AUTHOR}"
VIAddVersionKey "LegalCopyright" "${AUTHOR}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"

; Windows lets nobody write to a program that runs.
!macro AskToClose program
  ${DoWhile} ${FileExists} "${program}"
    ClearErrors
    FileOpen $0 "${program}" a
    ${IfNot} ${Errors}
      FileClose $0
      ${ExitDo}
    ${EndIf}
    ${If} ${Cmd} `MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Please close ${TITLE} first." /SD IDCANCEL IDCANCEL`
      SetErrorLevel 2
      Quit
    ${EndIf}
  ${Loop}
!macroend

; A folder that is no bundle of ours stays.
!macro RemoveBundle
  !insertmacro AskToClose "$INSTDIR\${PYTHON}"
  !insertmacro AskToClose "$INSTDIR\${BACKEND}"
  ${If} ${FileExists} "$INSTDIR\bundle\runtime-manifest.json"
    RMDir /r "$INSTDIR\bundle"
  ${EndIf}
!macroend

; By its identifier the taskbar knows the window as that of the shortcut.
; https://learn.microsoft.com/windows/win32/shell/appids
!macro IdentifyShortcut
  !insertmacro ComHlpr_CreateInProcInstance ${CLSID_ShellLink} ${IID_IShellLink} r0 ""
  ${If} $0 P<> 0
    ${IUnknown::QueryInterface} $0 '("${IID_IPersistFile}",.r1)'
    ${IUnknown::QueryInterface} $0 '("${IID_IPropertyStore}",.r2)'
    ${IPersistFile::Load} $1 '("${SHORTCUT}",${STGM_READWRITE})'
    System::Call 'SHLWAPI::SHStrDupW(w"${IDENTIFIER}",*p.r3)i'
    System::Call '*${SYSSTRUCT_PROPERTYKEY}(${PKEY_AppUserModel_ID})p.r4'
    System::Call '*(&i2 ${VT_LPWSTR},&i6,p r3,&i8)p.r5'
    ${IPropertyStore::SetValue} $2 '($4,$5)'
    ${IPropertyStore::Commit} $2 ""
    ${IPersistFile::Save} $1 '("${SHORTCUT}",1)'
    System::Free $4
    System::Free $5
    !insertmacro ComHlpr_SafeRelease $2
    !insertmacro ComHlpr_SafeRelease $1
    !insertmacro ComHlpr_SafeRelease $0
  ${EndIf}
!macroend

Section
  !insertmacro RemoveBundle
  SetOutPath "$INSTDIR"
  File /r "${SOURCE}/*"
  WriteUninstaller "$INSTDIR\Uninstall ${FILE}.exe"
  CreateShortcut "${SHORTCUT}" "$INSTDIR\${PYTHON}" '${FLAGS} "$INSTDIR\${SCRIPT}"' "$INSTDIR\${FILE}.exe"
  !insertmacro IdentifyShortcut
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "${TITLE}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "${AUTHOR}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\${FILE}.exe"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\Uninstall ${FILE}.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\Uninstall ${FILE}.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Function .onInstSuccess
  ${IfNot} ${Silent}
    Exec '${STARTED}'
  ${EndIf}
FunctionEnd

Section "Uninstall"
  !insertmacro RemoveBundle
  Delete "$INSTDIR\${FILE}.exe"
  Delete "$INSTDIR\Uninstall ${FILE}.exe"
  RMDir "$INSTDIR"
  Delete "${SHORTCUT}"
  DeleteRegKey HKCU "${UNINSTALL}"
SectionEnd
