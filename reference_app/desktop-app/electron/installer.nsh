; The data of the person stays unless they say otherwise. A silent uninstall and an update never ask.
!macro customUnInstall
  ${ifNot} ${isUpdated}
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Also delete your data?$\r$\n$LOCALAPPDATA\${APP_ID}" /SD IDNO IDNO keepData
      RMDir /r "$LOCALAPPDATA\${APP_ID}"
    keepData:
  ${endIf}
!macroend
