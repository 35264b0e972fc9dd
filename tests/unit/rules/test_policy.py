"""Who may send: deny by default, the first rule that fits decides, and a name that anybody can say opens nothing."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.config import parse
from relay365.mail.address import strip_source_route
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.rules.admission.rulebook import rules_of
from relay365.rules.client import unproved
from relay365.rules.policy import MOST_REMEMBERED, TLS_NEEDED, Door, Policy

HEAD = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[listener]]
address = "127.0.0.1:2525"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
[sender]
domains = ["contoso.com"]
"""
OFFICE = '[[allow]]\nnetwork = "192.168.10.0/24"\n'
CANON = '[[device]]\nname = "canon"\nmatch = { address = "192.168.10.31" }\n'


@dataclass(frozen=True)
class Mail:
    """A MAIL as the session hands it over."""

    reverse_path: str = "scan@contoso.com"


def _policy(tables: str, *, tls: str = "optional", auth: bool = False, name: str = "127.0.0.1:25") -> Policy:
    return Policy(rules_of(parse(HEAD + tables, "f")), Door(name, tls, auth))


def _facts(
    address: str = "192.168.10.31", *, helo: str = "", tls: str = "", login: str = ""
) -> SubmitterFacts:
    return SubmitterFacts("127.0.0.1:25", address, helo=helo, tls=tls, login=login)


def _mail(policy: Policy, facts: SubmitterFacts, sender: str = "scan@contoso.com") -> str:
    return str(policy.mail(facts, Mail(sender)) or "")


def _rcpt(policy: Policy, facts: SubmitterFacts, to: str) -> str:
    return str(policy.rcpt(facts, ForwardPath(to)) or "")


@settings(deadline=None)
@given(st.ip_addresses())
def test_without_a_rule_nobody_may_send(address: ipaddress.IPv4Address) -> None:
    """Deny by default, from every address there is, the machine's own too."""
    assert "550 5.7.1 address not allowed here (R0)" == _mail(_policy(""), _facts(str(address)))


@pytest.mark.parametrize("address", ["", "printer", "unix", "999.1.1.1", "192.168.10.31 "])
def test_an_address_that_is_none_matches_nothing(address: str) -> None:
    """What cannot be read is refused, not allowed."""
    everybody = _policy('[[allow]]\nnetwork = "0.0.0.0/0"\n[[allow]]\nnetwork = "::/0"\n')

    assert "550" == _mail(everybody, _facts(address))[:3]


def test_the_first_network_that_fits_decides() -> None:
    """A narrow rule in front of a wide one is an exception to it, behind it it is nothing."""
    narrow = '[[allow]]\nnetwork = "192.168.10.31/32"\nlogin = "required"\n'

    assert "530 5.7.0 Authentication required (R2)" == _mail(_policy(narrow + OFFICE), _facts())
    assert "" == _mail(_policy(OFFICE + narrow), _facts())
    assert ("R2", "network 192.168.10.0/24") == (
        _policy(OFFICE + narrow).client(_facts()).mark,
        _policy(OFFICE + narrow).client(_facts()).name,
    )


def test_a_device_comes_before_its_network() -> None:
    """By address it is let in without any [[allow]], and its own keys hold, not those of the network."""
    policy = _policy(CANON + 'login = "never"\nper_minute = 5\n' + OFFICE + "per_minute = 60\n")

    assert ("R1", "canon", "never", 5) == _of(policy, _facts(), "mark", "device", "login", "per_minute")
    assert ("R3", "", "optional", 60) == _of(
        policy, _facts("192.168.10.9"), "mark", "device", "login", "per_minute"
    )
    assert "" == _mail(_policy(CANON), _facts())


def _of(policy: Policy, facts: SubmitterFacts, *names: str) -> tuple[object, ...]:
    client = policy.client(facts)
    return tuple(getattr(client, name) for name in names)


def test_a_mapped_address_is_the_address_it_maps() -> None:
    """A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d; a zone does not matter."""
    policy = _policy(OFFICE + '[[allow]]\nnetwork = "fe80::/10"\n')

    assert ["", ""] == [_mail(policy, _facts(one)) for one in ("::ffff:192.168.10.31", "fe80::1%eth0")]
    assert "550" == _mail(policy, _facts("::ffff:10.0.0.1"))[:3]


def test_a_login_is_welcome_from_everywhere() -> None:
    """Whoever has logged in needs no network."""
    policy, facts = _policy("", auth=True), _facts("203.0.113.9", login="canon")

    assert "" == _mail(policy, facts)
    assert ("R1", "login canon", "required") == _of(policy, facts, "mark", "name", "login")


def test_a_login_frees_from_lists_and_keeps_what_the_wire_needs() -> None:
    """Senders and recipients of the network hold for those without a login; its pace and tolerances hold for all."""
    policy = _policy(
        OFFICE + 'sender = "scan@contoso.com"\nrecipients = "own-domains"\nper_minute = 7\nstarttls = false\n'
        "tolerate = { auth_equals = true }\n"
    )
    client = policy.client(_facts(login="erp"))

    assert ("R1", "login erp", "", 7, False) == (
        client.mark, client.name, client.sender, client.per_minute, client.starttls,
    )  # fmt: skip
    assert "auth_equals" in client.tolerances
    assert "" == _rcpt(policy, _facts(login="erp"), "lena@fabrikam.com")
    assert "550" == _rcpt(policy, _facts(), "lena@fabrikam.com")[:3]


def test_a_network_that_asks_for_a_login_is_written_for_those_who_have_one() -> None:
    """Its lists hold for them; else they would hold for nobody."""
    policy = _policy(OFFICE + 'login = "required"\nrecipients = "own-domains"\n')

    assert "530 5.7.0 Authentication required (R2)" == _mail(policy, _facts())
    assert "" == _mail(policy, _facts(login="canon"))
    assert "550 5.7.1 recipient not allowed here (R2)" == _rcpt(
        policy, _facts(login="canon"), "a@fabrikam.com"
    )


def test_a_listener_can_ask_for_a_login_of_everybody() -> None:
    """require_auth stands above every network and device."""
    policy = _policy(CANON + OFFICE, auth=True)

    assert "530 5.7.0 Authentication required (R1)" == _mail(policy, _facts())
    assert "530 5.7.0 Authentication required (R3)" == _mail(policy, _facts("192.168.10.9"))


def test_a_listener_can_ask_for_tls_of_everybody() -> None:
    """Before STARTTLS nothing is taken, not even with a login (RFC 3207 4)."""
    policy = _policy(OFFICE, tls="required")

    assert TLS_NEEDED == policy.mail(_facts(login="canon"), Mail())
    assert policy.mail(_facts(tls="TLSv1.3"), Mail()) is None


def test_a_name_that_anybody_can_say_lets_nobody_in() -> None:
    """A device that is known by its HELO only counts for a peer who could send without it, and not for others."""
    policy = _policy('[[device]]\nname = "ups"\nmatch = { helo = "UPS" }\nper_minute = 5\n' + OFFICE)

    assert ("R1", "ups", 5) == _of(policy, _facts(helo="ups"), "mark", "device", "per_minute")
    assert ("R3", "") == _of(policy, _facts(helo="other"), "mark", "device")
    assert "550 5.7.1 address not allowed here (R0)" == _mail(policy, _facts("203.0.113.9", helo="UPS"))


def test_a_name_that_anybody_can_say_widens_nothing() -> None:
    """Lists are those that both rules allow, limits the smaller, a login the stricter, and the listener stays."""
    wide = (
        '[[device]]\nname = "wide"\nmatch = { helo = "W" }\nlogin = "never"\nper_minute = 900\nmax_message = "9M"\n'
        'senders = ["scan@contoso.com", "x@else.test"]\nrecipients = ["@fabrikam.com", "ops@contoso.com"]\n'
    )
    narrow = (
        CANON + 'login = "required"\nper_minute = 5\nmax_message = "5M"\nlistener = "127.0.0.1:2525"\n'
        'senders = "@contoso.com"\nrecipients = "own-domains"\n'
    )
    policy = _policy(wide + narrow, name="127.0.0.1:2525")
    client = policy.client(_facts(helo="W"))

    assert ("R1", "required", 5, 5 * 1024**2) == (
        client.mark, client.login, client.per_minute, client.max_octets,
    )  # fmt: skip
    assert ({"scan@contoso.com"}, {"ops@contoso.com"}) == (client.senders, client.recipients)
    assert "550 5.7.1 wrong port for this device (R2)" == _mail(_policy(wide + narrow), _facts(helo="W"))


def test_two_lists_without_a_common_address_allow_none() -> None:
    """An empty common list is nobody, not everybody."""
    hint = '[[device]]\nname = "a"\nmatch = { helo = "A" }\nrecipients = "x@else.test"\n'
    policy = _policy(hint + OFFICE + 'recipients = "own-domains"\n')

    assert ["550", "550"] == [
        _rcpt(policy, _facts(helo="A"), to)[:3] for to in ("x@else.test", "lena@contoso.com")
    ]


def test_a_network_may_have_one_listener() -> None:
    """It holds for whoever logs in from there, too; a device by name has its own."""
    office = OFFICE + 'listener = "127.0.0.1:2525"\n'
    there, elsewhere = _policy(office, name="127.0.0.1:2525"), _policy(office)

    assert ["", ""] == [_mail(there, _facts(login=login)) for login in ("", "scan")]
    assert ["550 5.7.1 wrong port for this device (R2)"] * 2 == [
        _mail(elsewhere, _facts(login=login)) for login in ("", "scan")
    ]
    assert "" == _mail(elsewhere, _facts("203.0.113.9", login="scan"))
    assert "" == _mail(_policy(CANON + office), _facts())


def test_a_device_may_have_one_listener() -> None:
    """Elsewhere it is told in words that a panel can show."""
    policy = _policy(CANON + 'listener = "127.0.0.1:2525"\n')

    assert "550 5.7.1 wrong port for this device (R1)" == _mail(policy, _facts())
    assert "" == _mail(_policy(CANON + 'listener = "127.0.0.1:25"\n'), _facts())


def test_senders_are_those_that_the_rule_names() -> None:
    """Others are refused with the rule's mark; the null path is [sender]'s, and a fixed sender makes the list idle."""
    policy = _policy(OFFICE + 'senders = ["scan@contoso.com", "@fabrikam.com"]\n')
    fixed = _policy(OFFICE + 'senders = "scan@contoso.com"\nsender = "scan@contoso.com"\n')

    assert ["", "", ""] == [
        _mail(policy, _facts(), one) for one in ("Scan@contoso.com", "x@fabrikam.com", "")
    ]
    assert "550 5.7.1 sender not allowed here (R2)" == _mail(policy, _facts(), "boss@contoso.com")
    assert "" == _mail(fixed, _facts(), "boss@contoso.com")


@pytest.mark.parametrize(
    ("tls", "address", "tolerate", "expected"),
    [
        ("optional", "192.168.10.9", "", True),
        ("none", "192.168.10.9", "", True),
        ("required", "192.168.10.9", "", False),
        ("implicit", "192.168.10.9", "", False),
        ("optional", "192.168.10.31", "", True),
        ("optional", "10.0.0.1", "", False),
        ("optional", "203.0.113.9", "", False),
        ("optional", "10.0.0.1", "tolerate = { auth_in_clear = true }\n", True),
        ("required", "10.0.0.1", "tolerate = { auth_in_clear = true }\n", False),
    ],
)
def test_a_password_in_clear_stays_in_our_networks(
    tls: str, address: str, tolerate: str, expected: bool
) -> None:
    """Inside [[allow]] a login may come without TLS, outside only where a rule names it; never past required."""
    far = f'[[device]]\nname = "far"\nmatch = {{ address = "10.0.0.1" }}\n{tolerate}'
    policy = _policy(CANON + far + OFFICE, tls=tls)

    assert expected == policy.client(_facts(address)).auth_in_clear


def test_a_password_in_clear_may_come_from_everywhere_where_that_is_asked_for() -> None:
    """[tolerate] auth_in_clear holds for those whom no rule knows yet: they are the ones who must log in."""
    everybody = "[tolerate]\nauth_in_clear = true\n"

    assert [True, False] == [
        _policy(more).client(_facts("203.0.113.9")).auth_in_clear for more in (everybody, "")
    ]


@pytest.mark.parametrize(
    ("sender", "heard"),
    [
        ("a@CONTOSO.com", ""),
        ("relay@else.test", ""),
        ("a@else.test", "550 5.7.1 sender domain not allowed here (R2)"),
        ("a@sub.contoso.com", "550 5.7.1 sender domain not allowed here (R2)"),
        ("", "550 5.7.1 empty sender not allowed here (R2)"),
    ],
)
def test_the_house_refuses_at_mail_with_the_rules_mark(sender: str, heard: str) -> None:
    """[sender] foreign and null = "reject" come before the content; rewrite_to is nobody's foreign address."""
    house = 'foreign = "reject"\nnull = "reject"\nrewrite_to = "Relay@else.test"\n'

    assert heard == _mail(_policy(house + OFFICE), _facts(), sender)


def test_a_sender_of_its_own_comes_before_what_the_house_asks() -> None:
    """What a rule puts in its place is never judged, nor what stood there."""
    policy = _policy('foreign = "reject"\nnull = "reject"\n' + OFFICE + 'sender = "scan@contoso.com"\n')

    assert ["", "", ""] == [_mail(policy, _facts(), one) for one in ("", "a@else.test", "scan@contoso.com")]


def test_a_house_without_domains_that_refuses_foreign_ones_takes_none() -> None:
    """An empty list of our own domains is not any domain."""
    policy = Policy(
        rules_of(parse(HEAD.replace('domains = ["contoso.com"]', 'foreign = "reject"') + OFFICE, "f")),
        Door("a"),
    )

    assert "550 5.7.1 sender domain not allowed here (R2)" == _mail(policy, _facts())


def test_a_priority_is_the_rules_and_no_name_that_anybody_can_say_raises_it() -> None:
    """A device known by its address has its own; one known by its HELO has at most what its network has."""
    canon = CANON + 'priority = "alarm"\n'
    ups = '[[device]]\nname = "ups"\nmatch = { helo = "UPS" }\npriority = "alarm"\n'
    fax = '[[device]]\nname = "fax"\nmatch = { helo = "FAX" }\npriority = "bulk"\n'
    policy = _policy(canon + ups + fax + OFFICE)
    other = "192.168.10.32"

    assert ["alarm", "normal", "bulk", "normal"] == [
        policy.client(facts).priority
        for facts in (_facts(), _facts(other, helo="UPS"), _facts(other, helo="FAX"), _facts(other))
    ]


def test_only_a_device_that_is_known_by_address_or_login_keeps_what_is_refused() -> None:
    """A name that anybody can say in front of it gives nothing, and takes nothing away."""
    kept = CANON + "accept_then_report = true\n"
    ups = '[[device]]\nname = "ups"\nmatch = { helo = "UPS" }\n'
    policy = _policy(ups + kept + OFFICE)

    assert [True, True, False, False] == [
        policy.client(facts).kept_octets > 0
        for facts in (
            _facts(), _facts(helo="UPS"), _facts("192.168.10.9", helo="UPS"), _facts("192.168.10.9", login="canon")
        )
    ]  # fmt: skip


# A trick, and the address that RCPT is judged by: a source route is taken away before (RFC 5321 C).
TRICKS = [
    ("lena@fabrikam.com", "lena@fabrikam.com"),
    ("user%fabrikam.com@contoso.com", "user%fabrikam.com@contoso.com"),
    ("user%fabrikam.com%contoso.com@contoso.com", "user%fabrikam.com%contoso.com@contoso.com"),
    ('"user@fabrikam.com"@contoso.com', '"user@fabrikam.com"@contoso.com'),
    ('"user%fabrikam.com"@contoso.com', '"user%fabrikam.com"@contoso.com'),
    ("fabrikam.com!user@contoso.com", "fabrikam.com!user@contoso.com"),
    ("contoso.com!fabrikam.com!user", "contoso.com!fabrikam.com!user"),
    ("@contoso.com,@relay.test:user@fabrikam.com", "user@fabrikam.com"),
    ("@contoso.com:user@fabrikam.com", "user@fabrikam.com"),
    ("user@fabrikam.com@contoso.com", "user@fabrikam.com@contoso.com"),
    ("user@[192.0.2.1]", "user@[192.0.2.1]"),
    ("user@contoso.com.", "user@contoso.com."),
    ("postmaster", "postmaster"),
]


@pytest.mark.parametrize(("path", "judged"), TRICKS)
def test_no_trick_relays_for_a_stranger(path: str, judged: str) -> None:
    """From an address that no rule knows nothing comes in, whatever sender and recipient look like."""
    policy, stranger = _policy(OFFICE), _facts("203.0.113.9", helo="contoso.com")

    assert judged == strip_source_route(path)
    assert {"550"} == {_mail(policy, stranger, sender)[:3] for sender in ("", "scan@contoso.com", judged)}


@pytest.mark.parametrize(("path", "judged"), TRICKS)
def test_no_trick_leaves_our_own_domains(path: str, judged: str) -> None:
    """Who may write to our own domains only reaches no other, by no route inside an address."""
    policy = _policy(OFFICE + 'recipients = "own-domains"\n')

    assert judged == strip_source_route(path)
    assert "550 5.7.1" == _rcpt(policy, _facts(), judged)[:9]
    assert "" == _rcpt(policy, _facts(), "lena@contoso.com")


def test_a_refusal_fits_a_panel() -> None:
    """At most six plain words between the code and the mark."""
    policy = _policy(
        CANON + 'listener = "127.0.0.1:2525"\n' + OFFICE + 'senders = "a@b.c"\nrecipients = "a@b.c"\n'
    )
    said = [
        _mail(policy, _facts()), _mail(policy, _facts("192.168.10.9")), _mail(policy, _facts("203.0.113.9")),
        _rcpt(policy, _facts("192.168.10.9"), "x@y.z"), _rcpt(policy, _facts("192.168.10.9"), "x%w@y.z"),
    ]  # fmt: skip

    assert ["R1", "R3", "R0", "R3", "R3"] == [text.rpartition("(")[2].rstrip(")") for text in said]
    assert [] == [text for text in said if len(text.split()[2:-1]) > 6]


def test_memory_is_bounded() -> None:
    """A scan over many addresses does not grow the memory of decisions for ever."""
    policy = _policy(OFFICE)
    for n in range(MOST_REMEMBERED + 500):
        policy.judge(_facts(str(ipaddress.IPv4Address(0x0A000000 + n))))

    assert len(policy._verdict_by_facts) <= MOST_REMEMBERED


def test_names_without_meaning_are_not_remembered() -> None:
    """Where no rule goes by HELO, a peer that changes its name each time is one entry."""
    policy = _policy(OFFICE)
    for n in range(100):
        policy.judge(_facts(helo=f"x{n}"))

    assert 1 == len(policy._verdict_by_facts)


def test_the_greeting_is_for_everybody() -> None:
    """Nobody is refused before it could log in."""
    assert _policy("").connect("203.0.113.9") is None


def test_any_password_ends_where_the_listener_asks_for_a_login() -> None:
    """A login must prove something there, whatever the network's rule forgives; elsewhere it may be said in clear."""
    trusting = parse(
        HEAD + '[[allow]]\nnetwork = "192.168.10.0/24"\ntolerate = { any_password = true }\n', "f"
    )
    open_, shut = (
        Policy(rules_of(trusting), Door("a", "none", require_auth=asks)).client(_facts("192.168.10.31"))
        for asks in (False, True)
    )

    assert ("optional", True, True) == (open_.login, "any_password" in open_.tolerances, open_.auth_in_clear)
    assert ("required", False) == (shut.login, "any_password" in shut.tolerances)
    assert ("any_password", "") == (unproved(open_, is_empty=False), unproved(shut, is_empty=False))


@pytest.mark.parametrize(
    ("size", "megabytes", "mark"), [("5M", 5, "R1"), ("20M", 10, "R3"), ("10M", 10, "R1")]
)
def test_a_name_alone_narrows_the_size_and_the_smaller_one_has_the_mark(
    size: str, megabytes: int, mark: str
) -> None:
    """Of what its own rule and its network's take; what becomes of larger mail is the network's wish."""
    policy = _policy(
        f'[[device]]\nname = "ups"\nmatch = {{ helo = "UPS" }}\nmax_message = "{size}"\noversize = {{ limit = 0 }}\n'
        + OFFICE
        + 'max_message = "10M"\noversize = { action = "hold" }\n'
    )
    client = policy.client(_facts(helo="UPS"))

    assert (megabytes << 20, mark) == (client.max_octets, client.size_mark)
    assert (None, "hold") == client.oversize[:2]
