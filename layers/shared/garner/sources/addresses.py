"""Which addresses a registered URL may lead to (visibility and security, Security 2 and 3)."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address

# Besides `is_global`, whose tables differ between Python versions (CVE-2024-4032).
_DENIED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",  # Lambda's runtime interface, and its credentials under SnapStart
        "169.254.0.0/16",  # metadata service, container credentials
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast and reserved
        "::/96",  # unspecified, loopback, IPv4-compatible
        "100::/64",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",  # also fd00:ec2::254, the metadata service
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
# IPv6 ranges that carry an IPv4 address: it is reached through a gateway, so none is allowed.
_CARRIERS = tuple(
    ip_network(text) for text in ("::ffff:0:0/96", "2002::/16", "64:ff9b::/96", "64:ff9b:1::/48")
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator trusts although it isn't public: networks, and host names (exact, lower
    case) whose addresses are then not looked at."""

    networks: tuple[str, ...] = ()
    hosts: frozenset[str] = field(default_factory=frozenset)

    def permits(self, host: str, address: str) -> bool:
        """Whether a connection to `address`, which `host` resolved to, may be made."""
        if host.lower().rstrip(".") in self.hosts:
            return True
        parsed = ip_address(address.partition("%")[0])
        return _is_public(parsed) or any(parsed in ip_network(each) for each in self.networks)


def _is_public(address: IPAddress) -> bool:
    networks = (*_DENIED, *_CARRIERS)
    return address.is_global and not any(address in network for network in networks)
