"""Which addresses a destination on the internet can have, and which lead inside."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# Public by their numbers, but they answer only inside a cloud, with what its machines may know.
_METADATA = {IPv4Address("168.63.129.16"), IPv4Address("192.0.0.192")}
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")  # all that is routed; `is_global` also takes the old site-local addresses for it


def why_inside(address: str) -> str | None:
    """Why an IP address isn't one out on the internet; None if it is. Raises ValueError for what is no address.

    >>> why_inside("169.254.169.254"), why_inside("::ffff:8.8.8.8")
    ('link-local', 'an IPv4 address inside an IPv6 one')
    >>> why_inside("8.8.8.8") is None
    True
    """
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        if found in _NAT64:
            return why_inside(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
        if found.ipv4_mapped or found.sixtofour or found.teredo:
            return "an IPv4 address inside an IPv6 one"
        is_routed = found in _UNICAST
    else:
        is_routed = not found.is_reserved
    if found in _METADATA:
        return "a metadata service"
    for kind in ("loopback", "link_local", "multicast", "unspecified"):
        if getattr(found, f"is_{kind}"):
            return kind.replace("_", "-")
    return None if is_routed and found.is_global else "private"


def is_address(host: str) -> bool:
    """Whether a URL's host is an IP address itself, so that nobody is asked for one."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
