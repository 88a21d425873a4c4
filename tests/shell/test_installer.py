"""The question of the Windows uninstaller."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "reference_app/desktop-app/electron/installer.nsh"
# What electron-builder's own script defines around the macro.
AROUND = r"""
Unicode true
!include "LogicLib.nsh"
!include "FileFunc.nsh"
!define APP_ID "org.example.app"
!macro _isUpdated _a _b _t _f
  !insertmacro _LOGICLIB_TEMP
  StrCpy $_LOGICLIB_TEMP ""
  StrCmp $_LOGICLIB_TEMP "1" `${_t}` `${_f}`
!macroend
!define isUpdated `"" isUpdated ""`
!include "%s"
Name "app"
OutFile "%s"
Section
  !insertmacro customUnInstall
SectionEnd
"""


def test_the_question_has_no_answer_for_silent_ones_and_only_a_given_switch_counts():
    """A one-click uninstaller is silent when it comes here: with /SD nobody would see the box."""
    code = [line for line in SCRIPT.read_text().splitlines() if not line.startswith(";")]
    (box,) = [line for line in code if "MessageBox" in line]
    assert "/SD" not in box
    assert any('GetOptions} $R0 "/S"' in line for line in code)
    assert any("isUpdated" in line for line in code)
    assert not any("${Silent}" in line for line in code)


@pytest.mark.skipif(not shutil.which("makensis"), reason="needs makensis (Debian: nsis)")
def test_it_compiles(tmp_path):
    file = tmp_path / "app.nsi"
    file.write_text(AROUND % (SCRIPT, tmp_path / "app.exe"))
    done = subprocess.run(["makensis", "-WX", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "app.exe").exists()
