"""A name server on loopback, UDP and TCP, that knows what a test tells it: real messages, for any resolver."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ROOT = {(".", "NS"): ["a.root-servers.net."]}
MOST_UDP_OCTETS = 512


@dataclass
class DnsServer:
    """records: (name without last dot, type) -> texts. codes: what is answered for a name instead, such as SERVFAIL.

    silent: names that are never answered; "*" is every name, for codes too.
    """

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    knows_the_world: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Serves until the end; gives host:port."""
        tcp = socket.create_server(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", port))
        udp.settimeout(0.1)
        tcp.settimeout(0.1)
        stopped = threading.Event()
        threads = [
            threading.Thread(target=work, args=(link, stopped), daemon=True)
            for work, link in ((self._serve_udp, udp), (self._serve_tcp, tcp))
        ]
        for thread in threads:
            thread.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            stopped.set()
            for thread in threads:
                thread.join(5.0)
            udp.close()
            tcp.close()

    def _serve_udp(self, udp: socket.socket, stopped: threading.Event) -> None:
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError):
                octets, peer = udp.recvfrom(4096)
                answer = self._answer(octets)
                if answer is not None and len(answer) > MOST_UDP_OCTETS:
                    answer = self._cut(octets)
                if answer is not None:
                    udp.sendto(answer, peer)

    def _serve_tcp(self, tcp: socket.socket, stopped: threading.Event) -> None:
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                link, _ = tcp.accept()
                with link:
                    link.settimeout(5.0)
                    (size,) = struct.unpack("!H", link.recv(2))
                    octets = b""
                    while len(octets) < size:
                        octets += link.recv(size - len(octets))
                    answer = self._answer(octets)
                    if answer is not None:
                        link.sendall(struct.pack("!H", len(answer)) + answer)

    def _cut(self, octets: bytes) -> bytes:
        """Too long for UDP: the resolver must come again by TCP (RFC 1035 4.2.1)."""
        answer = dns.message.make_response(dns.message.from_wire(octets))
        answer.flags |= dns.flags.TC
        return answer.to_wire()

    def _answer(self, octets: bytes) -> bytes | None:
        try:
            query = dns.message.from_wire(octets)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.silent & {name, "*"}:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        code = self.codes.get(name) or self.codes.get("*")
        known = {**(ROOT if self.knows_the_world else {}), **self.records}
        texts = known.get((name, kind), [])
        cname = known.get((name, "CNAME"), [])
        if code:
            answer.set_rcode(dns.rcode.from_text(code))
        elif texts:
            answer.answer.append(dns.rrset.from_text_list(question.name, 300, "IN", kind, texts))
        elif cname:
            answer.answer.append(dns.rrset.from_text_list(question.name, 300, "IN", "CNAME", cname))
        elif not any(other == name for other, _ in known):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


def txt(*texts: str) -> list[str]:
    """TXT records, each in strings of at most 255 octets."""
    return [" ".join(f'"{text[n : n + 255]}"' for n in range(0, len(text), 255)) for text in texts]


SPF = "v=spf1 include:spf.protection.outlook.com -all"


def healthy(domain: str = "contoso.com", address: str = "") -> dict[tuple[str, str], list[str]]:
    """All that a domain should have; address: a public one that is ours, with a name that leads back."""
    own = f"ip4:{address} " if address else ""
    records = {
        (domain, "TXT"): txt("MS=ms12345678", SPF.replace("include", f"{own}include", 1)),
        ("spf.protection.outlook.com", "TXT"): txt("v=spf1 ip4:40.92.0.0/15 ip4:40.107.0.0/16 -all"),
        (f"selector1._domainkey.{domain}", "CNAME"): [
            "selector1-contoso-com._domainkey.contoso.onmicrosoft.com."
        ],
        (f"selector2._domainkey.{domain}", "CNAME"): [
            "selector2-contoso-com._domainkey.contoso.onmicrosoft.com."
        ],
        (f"_dmarc.{domain}", "TXT"): txt("v=DMARC1; p=quarantine; rua=mailto:dmarc@contoso.com"),
        (domain, "MX"): ["0 contoso-com.mail.protection.outlook.com."],
    }
    for zone in ("zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com"):
        records[f"2.0.0.127.{zone}", "A"] = ["127.0.0.2"]
    if address:
        backwards = ".".join(reversed(address.split(".")))
        records[f"{backwards}.in-addr.arpa", "PTR"] = ["relay.contoso.com."]
        records["relay.contoso.com", "A"] = [address]
    return records
