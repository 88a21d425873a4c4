# Installs the application silently into a folder with a space, opens it where no other Python can be found,
# ends it as Windows does when a person shuts down, and uninstalls it. The data must outlive all of it.
param([Parameter(Mandatory)][string]$Dist)
$ErrorActionPreference = "Stop"

$setup = Get-ChildItem $Dist -Filter *.exe | Select-Object -First 1
$target = Join-Path $env:RUNNER_TEMP "installed här app"
# NSIS wants /D= last and without quotes.
Start-Process $setup.FullName -ArgumentList "/S /D=$target" -Wait
$manifest = Get-Content (Join-Path $target "resources/bundle/runtime-manifest.json") | ConvertFrom-Json
$program = Get-ChildItem $target -Filter *.exe | Where-Object Name -NotLike "Uninstall*" | Select-Object -First 1
$data = Join-Path $env:LOCALAPPDATA $manifest.app.identifier

# Every other Python is out of the way.
Get-Command python, python3, py -All -ErrorAction SilentlyContinue | Where-Object Source | ForEach-Object {
    Rename-Item $_.Source "$($_.Name).hidden" -ErrorAction SilentlyContinue
}
$env:PATH = "$env:SystemRoot\System32;$env:SystemRoot"
foreach ($name in "PYTHONHOME", "PYTHONPATH", "pythonLocation") { Remove-Item "Env:$name" -ErrorAction SilentlyContinue }
if (Get-Command python, python3, py -ErrorAction SilentlyContinue) { throw "there is still a Python" }

function Wait-For([scriptblock]$Condition, [string]$What) {
    $limit = (Get-Date).AddSeconds(120)
    while (-not (& $Condition)) {
        if ((Get-Date) -gt $limit) { throw "not within two minutes: $What" }
        Start-Sleep -Milliseconds 200
    }
}
function Get-Backend { Get-Process python -ErrorAction SilentlyContinue | Where-Object Path -Like "$target*" }
function Test-Ready { (Test-Path "$data\logs\shell.log") -and (Select-String "ready at" "$data\logs\shell.log" -Quiet) }

foreach ($round in 1, 2) {
    Remove-Item "$data\logs\shell.log" -ErrorAction SilentlyContinue
    Start-Process $program.FullName
    Wait-For { Test-Ready } "the application is ready"
    if (-not (Get-Backend)) { throw "the backend does not run on the bundled Python" }
    # First closed as a person does, then ended without a word.
    if ($round -eq 1) { taskkill /IM $program.Name | Out-Null } else { taskkill /F /T /IM $program.Name | Out-Null }
    Wait-For { -not (Get-Backend) } "no process is left"
}
if (-not (Test-Path "$data\db.sqlite3")) { throw "there is no data in $data" }

$uninstaller = Get-ChildItem $target -Filter "Uninstall*.exe" | Select-Object -First 1
Start-Process $uninstaller.FullName -ArgumentList "/S" -Wait
Wait-For { -not (Test-Path $program.FullName) } "the application is gone"
if (-not (Test-Path "$data\db.sqlite3")) { throw "uninstalling took the data away" }
Write-Output "installed, opened, ended twice, uninstalled; the data is in $data"
