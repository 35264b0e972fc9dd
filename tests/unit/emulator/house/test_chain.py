"""Client certificates: heard in a real handshake, and judged."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from relay365.emulator.certificates import Pair, context_of, new_authority, new_leaf, new_self_signed
from relay365.emulator.folder import Identity
from relay365.emulator.house.chain import ask_for_certificates, certificates_in, names_of

AT = 1_000_000.0
HOST = "relay.contoso.com"


@pytest.fixture(scope="module")
def pairs(identity: Identity) -> dict[str, list[Pair]]:
    """Chains by name, leaf first."""
    root = identity.public_root
    middle = new_authority("intermediate", AT, issuer=root)
    leaf = new_leaf(middle, [HOST.upper(), "mail.contoso.com"], AT)
    stranger = new_authority("nobody knows it", AT)
    below = new_leaf(leaf, ["evil.contoso.com"], AT)
    return {
        "full": [leaf, middle],
        "leaf": [leaf],
        "disorder": [leaf, stranger, middle],
        "direct": [new_leaf(root, [HOST], AT)],
        "self-signed": [new_self_signed(HOST, AT)],
        "stranger": [new_leaf(stranger, [HOST], AT), stranger],
        "old": [new_leaf(middle, [HOST], AT, days=-1), middle],
        "below a leaf": [below, leaf, middle],
        "the root itself": [root],
    }


@pytest.mark.parametrize(
    ("chain", "names"),
    [
        ("full", (HOST, "mail.contoso.com")), ("disorder", (HOST, "mail.contoso.com")), ("direct", (HOST,)),
        ("leaf", ()), ("self-signed", ()), ("stranger", ()), ("old", ()), ("below a leaf", ()), ("the root itself", ()),
    ],
)  # fmt: skip
def test_what_a_chain_stands_for(
    pairs: dict[str, list[Pair]], identity: Identity, chain: str, names: tuple[str, ...]
) -> None:
    """Only a chain that leads to the root by what was sent stands for its names, in small letters."""
    sent = [_der(one) for one in pairs[chain]]

    assert names == names_of(sent, [identity.public_root.certificate], AT)


def test_a_common_name_counts_where_it_is_alone(identity: Identity) -> None:
    """Without an alternative name the common name is the host; garbage and nothing are nobody."""
    own = new_self_signed(HOST, AT)

    assert () == names_of([b"garbage"], [own.certificate], AT)
    assert () == names_of([], [own.certificate], AT)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("chain", ["full", "leaf", "self-signed", "stranger", "old", "none"])
def test_every_client_is_taken_and_heard(
    pairs: dict[str, list[Pair]], identity: Identity, tmp_path: Path, version: ssl.TLSVersion, chain: str
) -> None:
    """A handshake succeeds whatever certificate the client shows, and what it sent is known, in either version."""
    server = context_of(identity.leaf, identity.authority, tmp_path)
    heard = ask_for_certificates(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    sent = pairs.get(chain, [])
    if sent:
        file = tmp_path / "client.pem"
        file.write_bytes(sent[0].pem()[1] + b"".join(one.pem()[0] for one in sent))
        client.load_cert_chain(file)

    assert version.name.replace("_", ".") == _shake_hands(client, server)
    assert [_der(one) for one in sent] == heard


@pytest.mark.parametrize("message", [b"", b"\x0b\0\0\0", b"\x0b\0\0\4\0\0\1", b"\x0b" + b"\xff" * 40])
@pytest.mark.parametrize("is_tls_1_3", [True, False])
def test_odd_messages(message: bytes, is_tls_1_3: bool) -> None:
    """A message that is cut off yields no more than it has, and never raises."""
    assert len(certificates_in(message, is_tls_1_3=is_tls_1_3)) <= 10


def _der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.pem()[0].decode("ascii"))


def _shake_hands(client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> str:
    """A handshake in memory to its end on both sides, with an octet behind it; the version."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(back, there, server_hostname="localhost")
    server = server_context.wrap_bio(there, back, server_side=True)
    waiting = {"client": client.do_handshake, "server": server.do_handshake}
    for _ in range(10):
        for name, step in list(waiting.items()):
            try:
                step()
                del waiting[name]
            except ssl.SSLWantReadError:
                continue
    assert not waiting
    client.write(b"x")
    assert b"x" == server.read(1)
    return str(server.version())
