# Runs a hook of this folder with the first Python >= 3.11 that is found; nothing needs to be installed for it.
# Usage: ./infra/hooks/python.ps1 HOOK
$ErrorActionPreference = "Continue"  # azd sets Stop; a candidate that fails is no failure
$PSNativeCommandUseErrorActionPreference = $false
foreach ($candidate in "python3", "python", "py", "python3.14", "python3.13", "python3.12", "python3.11") {
    if (-not (Get-Command $candidate -CommandType Application -ErrorAction SilentlyContinue)) { continue }
    # Windows' own stand-in for a Python that is not installed ends with an error here, too.
    & $candidate -c "import sys; sys.exit(sys.version_info < (3, 11))" *> $null
    if ($LASTEXITCODE -eq 0) {
        & $candidate -I -S -X utf8 $PSScriptRoot $args[0]
        exit $LASTEXITCODE
    }
}
[Console]::Error.WriteLine("No Python 3.11 or newer was found (looked for python3, python and py): install one, then run azd again.")
exit 1
