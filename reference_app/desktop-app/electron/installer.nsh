; The data of the person stays unless they say otherwise. A silent uninstall and an update never ask.
; A one-click uninstaller has made itself silent by now, so what counts is whether /S was given; and a box with an
; answer for silent ones (/SD) would not be shown.
!macro customUnInstall
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/S" $R1
  ${If} ${Errors}
  ${AndIfNot} ${isUpdated}
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Also delete your data?$\r$\n$LOCALAPPDATA\${APP_ID}" IDNO keepData
      RMDir /r "$LOCALAPPDATA\${APP_ID}"
    keepData:
  ${EndIf}
  ClearErrors
!macroend
