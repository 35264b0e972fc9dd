"""The table of a route becomes the credential that it names, with the patience of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

from relay365.app.place import Site
from relay365.app.ways.identity import application_of, credential_of, signs_in, store_of, tokens_of
from relay365.clock import SystemClock
from relay365.config import SecretRef, parse
from relay365.errors import ConfigError
from relay365.net.tls import own_certificate
from relay365.routes.identity.credential import Certificate, ClientSecret, Pfx, Workload
from relay365.routes.identity.entra import ManagedIdentity
from relay365.routes.identity.person import PersonSignIn

HEAD = """
[server]
data = "data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
"""
SUBMISSION = '[[route]]\nkind = "submission"\nmailbox = "scan@contoso.com"\n'
APP = 'tenant = "contoso.com"\nclient = "7a1e0c52"\n'
PAIR = 'certificate = { file = "tls/relay.pem" }\nkey = { file = "tls/relay.key" }\n'
CONNECTOR = """[[route]]
kind = "connector"
domain = "contoso.com"
find = "graph"
certificate = { file = "mx.pem" }
key = { file = "mx.key" }
app_certificate = { file = "tls/relay.pem" }
app_key = { file = "tls/relay.key" }
"""


def _table(text: str) -> object:
    return parse(HEAD + text, "relay365.toml").route[0]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A directory with one file of each kind."""
    certificate, key = own_certificate(tmp_path / "tls", ["localhost"], SystemClock().now())
    leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    pfx = pkcs12.serialize_key_and_certificates(b"a", private, leaf, None, BestAvailableEncryption(b"open"))
    (tmp_path / "app.pfx").write_bytes(pfx)
    (tmp_path / "pfx.password").write_text("open\n")
    (tmp_path / "secret").write_text("Sec/ret+Kanarie\n")
    return Site("relay.test", tmp_path, tmp_path / "data")


@pytest.mark.parametrize(
    ("credential", "kind"),
    [
        ('secret = { file = "secret" }\nsecret_expires = 2027-05-01', ClientSecret),
        (PAIR, Certificate),
        ('pfx = { file = "app.pfx" }\npfx_password = { file = "pfx.password" }', Pfx),
        ('workload_token = { file = "not-yet-there" }', Workload),
    ],
)
def test_each_way_of_an_application(site: Site, credential: str, kind: type) -> None:
    """The file is read at the start, except a token that the platform may write later."""
    assert isinstance(credential_of("x", _table(SUBMISSION + APP + credential), site), kind)  # type: ignore[arg-type]


def test_a_person_and_a_managed_identity(site: Site) -> None:
    """Neither has a secret in the file; a person's sign-in is kept under the route's name."""
    person = tokens_of("scans", _table(SUBMISSION + APP + 'login = "mailbox"'), site)  # type: ignore[arg-type]
    managed = tokens_of("x", _table(SUBMISSION + 'managed_identity = "system"'), site)  # type: ignore[arg-type]

    assert isinstance(person.directory, PersonSignIn)
    assert site.data / "tokens" / "scans.bin" == person.directory.store.file
    assert isinstance(managed.directory, ManagedIdentity)
    assert "https://outlook.office365.com" == managed.directory.resource
    assert [True, False] == [key.lapses for key in site.keyring.keys]


def test_the_secret_ends_when_the_file_says(site: Site) -> None:
    """The first instant of that day, UTC."""
    text = SUBMISSION + APP + 'secret = { file = "secret" }\nsecret_expires = 2027-05-01'
    tokens_of("x", _table(text), site)  # type: ignore[arg-type]
    ((route, ending),) = site.keyring.endings()

    assert ("x", "client secret", 1_809_129_600.0) == (route, ending.what, ending.at)


def test_a_connector_asks_graph_with_the_applications_certificate(site: Site) -> None:
    """`certificate` is how the connector knows us; it is not the application's."""
    credential = credential_of("mx", _table(CONNECTOR + APP), site)  # type: ignore[arg-type]

    assert isinstance(credential, Certificate)
    assert site.base / "tls/relay.pem" == credential.certificate.file


def test_high_volume_email_gets_fresh_tokens(site: Site) -> None:
    """501 5.5.127: ten minutes are left at least; a minute is enough for the others."""
    hve = '[[route]]\nkind = "hve"\nmailbox = "app@contoso.com"\ndomains = ["contoso.com"]\n'
    secret = APP + 'secret = { file = "secret" }\n'
    found = [tokens_of("x", _table(kind + secret), site)._least_left_s for kind in (hve, SUBMISSION)]  # type: ignore[arg-type]

    assert [600.0, 60.0] == found


def test_two_scopes_of_one_credential_share_a_breaker(site: Site) -> None:
    """SMTP and Graph of one application; another secret is another credential."""
    (site.base / "other").write_text("x")
    route = _table(SUBMISSION + APP + 'secret = { file = "secret" }')
    other = _table(SUBMISSION + APP + 'secret = { file = "other" }')
    smtp, graph, alone = (
        tokens_of("x", table, site, scope)  # type: ignore[arg-type]
        for table, scope in ((route, ""), (route, "https://graph.microsoft.com/.default"), (other, ""))
    )

    assert smtp._breakers[0] is graph._breakers[0]
    assert smtp._breakers[0] is not alone._breakers[0]


def test_addresses_proxy_and_roots_come_from_the_table(site: Site) -> None:
    """An explicit authority wins over the cloud's; the CA file is relative to the configuration."""
    text = (
        SUBMISSION
        + APP
        + 'secret = { file = "secret" }\ncloud = "china"\nauthority = "https://login.example/"\n'
    )
    text += 'ca_file = "roots.pem"\nproxy = "http://proxy.contoso.com:3128"\n'
    found = application_of(_table(text), site)  # type: ignore[arg-type]

    assert ("https://login.example", "http://proxy.contoso.com:3128") == (found.authority, found.way.proxy)
    assert (str(site.base / "roots.pem"), ("https://partner.outlook.cn/.default",)) == (
        found.way.ca_file,
        found.scopes,
    )


@pytest.mark.parametrize(
    ("credential", "where"),
    [
        ('secret = { file = "nowhere" }', "route x: secret"),
        ('secret = { env = "NO_SUCH_VARIABLE" }', "route x: secret"),
        ('certificate = { file = "secret" }\nkey = { file = "tls/relay.key" }', "route x: certificate"),
        ('certificate = { file = "tls/relay.pem" }\nkey = { file = "tls/ca.key" }', "route x: key"),
        ('pfx = { file = "app.pfx" }', "route x: pfx"),
    ],
)
def test_a_credential_that_cannot_be_used_is_found_at_the_start(
    site: Site, credential: str, where: str
) -> None:
    """The error names the key of the route and shows no secret."""
    with pytest.raises(ConfigError) as error:
        tokens_of("x", _table(SUBMISSION + APP + credential), site)  # type: ignore[arg-type]

    assert where in error.value.where
    assert "Kanarie" not in str(error.value)


def test_the_key_that_seals_is_a_reference_too(site: Site) -> None:
    """Named in the error when it cannot be read, and read only when something is stored."""
    sealed = Site("", site.base, site.data, SecretRef(file="token.key"))
    store = store_of("scans", sealed)
    with pytest.raises(ConfigError) as error, store.held():
        store.save("x")

    assert "server: token_key" in error.value.where


@pytest.mark.parametrize(
    ("text", "does"),
    [
        (SUBMISSION + APP + 'secret = { file = "secret" }', True),
        (SUBMISSION + 'managed_identity = "system"', True),
        (SUBMISSION + 'password = { env = "X" }', False),
        ('[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:26"\ntls = "none"\n', False),
        ('[[route]]\nkind = "connector"\nhost = "mx.contoso.com:25"\n', False),
    ],
)
def test_who_asks_for_tokens(text: str, does: bool) -> None:
    """A password is none, and a connector needs one only for Graph."""
    assert does == signs_in(_table(text))
