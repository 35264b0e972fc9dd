"""Every line has a finding: parameters of no use here, lines that are none, services."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.moving import HOP, about, postfix
from relay365.moving.finding import State
from relay365.moving.postfix.known import groups, said_of


def test_the_list_is_well_formed() -> None:
    """Each group has names and a reason, and no pattern hides behind one that was asked before."""
    names = [name for group, _, _ in groups() for name in group if "*" not in name]

    assert all(why and group for group, _, why in groups())
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("alias_maps", State.OK), ("always_bcc", State.UNKNOWN), ("smtpd_milters", State.UNKNOWN),
        ("smtp_bind_address", State.WARN), ("no_such_thing", State.UNKNOWN), ("smtp_tls_CAfile", State.OK),
    ],
)  # fmt: skip
def test_a_parameter_is_known_by_its_name(name: str, state: State) -> None:
    """Machinery needs nothing; what mail depended on is not understood, and so is what nobody knows."""
    assert state is said_of(name)[0]


def test_no_line_is_dropped_in_silence(tmp_path: Path) -> None:
    """Whatever stands in main.cf has a finding at its line: known, unknown, empty, overridden, or no setting at all."""
    text = (
        HOP
        + "biff = no\nwonder = 7\nempty =\nbiff = yes\nno sign\noffice = 10.0.0.0/24\nmynetworks = $office\n"
    )
    _, findings = postfix(tmp_path, text)
    said = {one.where: one for one in findings}

    assert {f"main.cf:{n}" for n in range(1, 11)} <= said.keys()
    assert (State.UNKNOWN, State.OK) == (said["main.cf:5"].state, said["main.cf:6"].state)
    assert "main.cf:7 sets it again" in said["main.cf:4"].why
    assert "a name for use in other values" == said["main.cf:9"].why


def test_services_are_told(tmp_path: Path) -> None:
    """Postfix's own, programs that get mail, foreign ones, and the -o of a listener that nobody knows."""
    master = (
        "smtp inet n - y - - smtpd -o wonder=1 -o other=\nqmgr unix n - n 300 1 qmgr\n"
        "maildrop unix - n n - - pipe argv=x\npolicy unix - n n - 0 policyd\nsmtpd pass - - y - - smtpd\n"
    )
    _, findings = postfix(tmp_path, HOP, master)
    found = [(one.where, one.state) for one in findings if one.where.startswith("master.cf") and not one.new]

    assert [
        ("master.cf:1", State.UNKNOWN), ("master.cf:1", State.OK), ("master.cf:2", State.OK), ("master.cf:3", State.OK),
        ("master.cf:4", State.UNKNOWN), ("master.cf:5", State.OK),
    ] == found  # fmt: skip


def test_a_password_in_a_parameter_is_not_shown(tmp_path: Path) -> None:
    """The value of a parameter with password in its name stays out of every finding."""
    text = (
        HOP + "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:scan:Kanarienvogel\n"
        "ldap_bind_password = Kanarienvogel\n"
    )
    draft, findings = postfix(tmp_path, text)

    assert "Kanarienvogel" not in repr(findings.all) + repr(draft)
    assert about(findings, "ldap_bind_password = ...")
