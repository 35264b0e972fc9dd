"""The octets of an IPSECLIST."""

from __future__ import annotations

import random

import pytest

from fakes.moving import address_list as octets_of
from relay365.moving.iis.address_list import AddressListError, address_list

# "only the list below" with 127.0.0.1, as scripts against WMI print it (SaltStack, modules/win_smtp_server.py).
PRINTED = """
24.0.0.128 32.0.0.128 60.0.0.128 68.0.0.128 1.0.0.0 76.0.0.0 0.0.0.0 0.0.0.0 1.0.0.0 1.0.0.0 2.0.0.0 2.0.0.0
4.0.0.0 0.0.0.0 76.0.0.128 0.0.0.0 0.0.0.0 0.0.0.0 0.0.0.0 255.255.255.255 127.0.0.1
"""
ONE = bytes(int(part) for word in PRINTED.split() for part in word.split("."))
MASK = "255.255.255.255"


def test_the_published_list_is_read() -> None:
    """One address is granted, nothing is denied; and our builder of lists makes the same octets."""
    found = address_list(ONE)

    assert (["127.0.0.1/32"], (), 0) == ([str(one) for one in found.granted], found.denied, found.n_names)
    assert ONE == octets_of([[MASK, "127.0.0.1"]])


def test_groups_have_their_own_masks() -> None:
    """Addresses of one mask stand together; granted and denied ones apart."""
    octets = octets_of(
        [[MASK, "10.1.0.1", "10.1.0.2"], ["255.255.255.0", "10.2.0.0"]], [["255.255.0.0", "10.3.0.0"]]
    )
    found = address_list(octets)

    assert ["10.1.0.1/32", "10.1.0.2/32", "10.2.0.0/24"] == [str(one) for one in found.granted]
    assert ["10.3.0.0/16"] == [str(one) for one in found.denied]


def test_names_are_counted() -> None:
    """They cannot be allowed here, but that they are there is known."""
    octets = bytearray(octets_of([[MASK, "10.1.0.1"]]))
    octets[68] = 3

    assert 3 == address_list(bytes(octets)).n_names


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        ONE[:20],
        ONE[:70],
        octets_of([["255.0.255.0", "10.0.0.0"]]),
        ONE[:40] + b"\x17" + ONE[41:],
        b"\xff" * 100,
    ],
)
def test_what_is_no_list_says_so(octets: bytes) -> None:
    """Too short, no mask, another family, offsets that lead nowhere."""
    with pytest.raises(AddressListError):
        address_list(octets)


def test_damage_never_does_more_than_refuse() -> None:
    """Any octet changed or cut off: a list, or AddressListError, and soon."""
    dice = random.Random(7)
    for _ in range(3000):
        octets = bytearray(octets_of([[MASK, "10.1.0.1"], ["255.255.255.0", "10.2.0.0"]]))
        for _ in range(dice.randint(1, 6)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        cut = bytes(octets[: dice.randint(0, len(octets))])
        try:
            found = address_list(cut)
        except AddressListError:
            continue
        assert len(found.granted) + len(found.denied) <= 4096 * 2
