"""What the Bicep compiler would refuse: nothing in `infra/`, and each such mistake is found when it is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.bicep import MAIN, every_file
from tests.infra.bicep_faults import faults

RECEIVER = """
param name string
@allowed(['custom', 'responder'])
param access string = 'custom'
@minValue(1)
@maxValue(47)
param hours int = 1
@minLength(3)
@maxLength(24)
param account string = 'abc'
param emails string[] = []
@secure()
param secret string = ''
resource made 'T/a@1' = {
  name: '${name}${access}${hours}${account}${secret}'
  tags: emails
}
output id string = made.id
output count int = 3
"""
SENDER = """
param name string
@allowed(['custom', 'responder', 'none'])
param access string = 'none'
@minValue(0)
@maxValue(47)
param hours int = 26
@secure()
param secret string = ''
resource there 'T/b@1' existing = {
  name: name
}
var granted = access != 'none'
var either = access == 'custom' ? 'custom' : 'responder'
var somewhere = there.location
module below 'below.bicep' = if (granted) {
  name: 'below'
  params: {
    name: name
    PASSED
  }
}
MORE
output used string = '${either}${hours}${somewhere}${empty(secret)}'
"""


def planted(folder: Path, passed: str = "", more: str = "", sender: str = SENDER) -> list[str]:
    """The faults of a small file that passes and declares this."""
    (folder / "below.bicep").write_text(RECEIVER, encoding="utf-8")
    (folder / "above.bicep").write_text(sender.replace("PASSED", passed).replace("MORE", more), encoding="utf-8")
    assert faults(folder / "below.bicep") == []
    # The output tells whether a secret is there; that alone is not looked at here.
    return [fault for fault in faults(folder / "above.bicep") if "used gives out secret" not in fault]


@pytest.mark.parametrize("file", every_file(), ids=lambda file: file.stem)
def test_no_file_has_a_fault(file: Path) -> None:
    """Nothing undeclared, unused, of the wrong type or known too late; every module gets what it needs."""
    assert faults(file) == []


@pytest.mark.parametrize(
    "passed",
    [
        "",
        "access: either",
        "access: granted ? 'custom' : 'responder'",
        "access: granted ? 'custom' : fail('no')",
        "hours: 26",
        "hours: granted ? 1 : 47",
        "account: 'st${uniqueString(name)}'",
        "account: toLower('ABC')",
        "emails: []",
        "emails: split(name, ',')",
        "secret: secret",
    ],
)
def test_what_fits_is_no_fault(passed: str, tmp_path: Path) -> None:
    """A value of the receiver's type, choices, range and length is passed without a word."""
    assert planted(tmp_path, passed) == []


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        ("access: access", "access is string ['custom', 'none', 'responder'], expected string ['custom', 'responder']"),
        ("access: name", "access is string, expected string ['custom', 'responder']"),
        ("access: 'Custom'", "access is string ['Custom']"),
        ("access: granted ? 'custom' : 'none'", "access is string ['custom', 'none']"),
        ("access: '${either}'", "access is string"),
        ("hours: hours", "hours is int 0..47, expected int 1..47"),
        ("hours: 48", "hours is int ['48'], expected int 1..47"),
        ("hours: '26'", "hours is string ['26'], expected int"),
        ("hours: granted", "hours is bool, expected int"),
        ("account: 'ab'", "account is string ['ab'], expected string 3..24"),
        ("account: 'storageaccount${uniqueString(name)}'", "account is string 27..27, expected string 3..24"),
        ("account: name", "account is string, expected string 3..24"),
        ("emails: name", "emails is string, expected array"),
        ("emails: {\n      a: 1\n    }", "emails is object, expected array"),
        ("emails: null", "emails is null, expected array"),
        ("acces: 'custom'", "below.bicep has no parameter acces"),
        ("name: 'twice'", "name stands 2 times in one object"),
    ],
)
def test_what_does_not_fit_is_found(passed: str, said: str, tmp_path: Path) -> None:
    """A parameter that does not exist, or gets another type, choice, range or length than it takes."""
    (found,) = planted(tmp_path, passed)
    assert said in found


def test_what_is_required_is_found(tmp_path: Path) -> None:
    """A module that is not given what it has no default for."""
    sender = SENDER.replace("    name: name\n", "")
    assert [fault.split(": ", 1)[1] for fault in planted(tmp_path, sender=sender)] == [
        "below: name is required and not given"
    ]


MODULE = "module late 'below.bicep' = {\n  name: 'l'\n  params: {\n    name: name\n  }\n}"
RESOURCE = "resource late 'T/c@1' = {\n  name: 'x'\n  location: 'y'\n}"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (RESOURCE.replace("'y'", "there.location"), "the location of late reads there.location"),
        (RESOURCE.replace("'y'", "somewhere"), "the location of late reads there.location"),
        (RESOURCE.replace("'y'", "granted ? 'z' : there.location"), "the location of late reads there.location"),
        (RESOURCE.replace("'x'", "there.properties.customerId"), "the name of late reads there.properties"),
        (RESOURCE.replace("'x'", "'a-${below!.outputs.id}'"), "the name of late reads below.outputs"),
        (RESOURCE.replace("'x'", "guid(there.properties.a)"), "the name of late reads there.properties"),
        (RESOURCE.replace("= {", "= if (empty(below!.outputs.id)) {"), "the condition of late reads below.outputs"),
        (
            "resource late 'T/c@1' = [for each in there.tags: {\n  name: each\n}]",
            "the loop of late reads there.tags",
        ),
        (
            MODULE.replace("'l'", "below!.outputs.id"),
            "the name of late reads below.outputs",
        ),
        (
            f"{MODULE[:-1]}  scope: resourceGroup(there.tags.group)\n}}",
            "the scope of late reads there.tags",
        ),
    ],
)
def test_what_is_known_too_late_is_found(more: str, said: str, tmp_path: Path) -> None:
    """A name, location, scope, condition or loop that reads what is known only once something is made."""
    (found,) = planted(tmp_path, more=more)
    assert f"{said}, known only at run time" in found


def test_what_is_known_at_the_start_is_no_fault(tmp_path: Path) -> None:
    """The id and name of a resource may be in another's name; what is read off a module may be passed on."""
    fine = RESOURCE.replace("'x'", "guid(there.id, there.name)")
    passed = (
        "module next 'below.bicep' = {\n  name: 'n'\n  params: {\n"
        "    name: granted ? below!.outputs.id : there.location\n  }\n}"
    )
    assert planted(tmp_path, more=f"{fine}\n{passed}") == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("output x string = nme", "nme is not declared"),
        ("output x string = below.outputs.id", "below may not be made: write below!.outputs"),
        ("output x string = below!.outputs.idd", "below has no output idd"),
        ("output x string = below!.id", "below is a module: it has outputs and a name, no id"),
        ("output x string = listKeys(there.id)", "x gives out what listKeys returns, a secret"),
        ("output x string = secret", "x gives out secret, a secret"),
        ("var shown = 'a${secret}'\noutput x string = shown", "x gives out secret, a secret"),
        ("output x string = upper(name)", "upper is no function"),
        ("param forgotten string", "forgotten is never used"),
        ("var forgotten = 1", "forgotten is never used"),
        ("resource forgotten 'T/d@1' existing = {\n  name: 'f'\n}", "forgotten is never used"),
        ("param x text\noutput y string = x", "text is no type"),
        ("@minimum(1)\nparam x int\noutput y int = x", "@minimum is no decorator"),
        ("param x int = 'one'\noutput y int = x", "the default of x is string ['one'], expected int"),
        ("@maxValue(5)\nparam x int = 6\noutput y int = x", "the default of x is int ['6']"),
        ("@allowed(['a'])\nparam x string = 'b'\noutput y string = x", "the default of x is string ['b']"),
        ("param name string", "name is declared 2 times"),
        ("module gone 'gone.bicep' = {\n  name: 'g'\n}", "gone.bicep does not exist"),
    ],
)
def test_other_mistakes_are_found(more: str, said: str, tmp_path: Path) -> None:
    """What the compiler refuses or its linter warns of: no warning is allowed."""
    assert any(said in fault for fault in planted(tmp_path, more=more))


def test_the_mistake_that_was_made(tmp_path: Path) -> None:
    """A choice that the module does not have is found in the real file, too."""
    text = MAIN.read_text(encoding="utf-8")
    good = "access: ownAccess == 'custom' ? 'custom' : 'responder'"
    assert text.count(good) == 1
    (tmp_path / "modules").symlink_to(MAIN.parent / "modules")
    (tmp_path / "main.bicep").write_text(text.replace(good, "access: sentinelAccess"), encoding="utf-8")
    (found,) = faults(tmp_path / "main.bicep")
    assert "sentinelRights: access is string ['custom', 'none', 'responder']" in found
