import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from apps.common.errors import InvalidInput

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
INTERNAL_SUFFIXES = (".local", ".internal", ".localhost", ".lan", ".home.arpa")
HINT = "Enter the provider's public address, like https://api.example.com/v1."


def check_base_url(base_url: str) -> None:
    """InvalidInput unless the URL leads out: https to a public name or address. Outside production, or this machine.

    It judges what is written. A public name that resolves to a private address is not seen here.
    """
    try:
        url = urlsplit(base_url)
        host = (url.hostname or "").rstrip(".")
        _ = url.port
    except ValueError:
        raise _refused("This is not a URL.") from None
    if host in LOCAL_HOSTS and not settings.PRODUCTION:
        return
    if url.scheme != "https":
        raise _refused("Only https is allowed.")
    if _has_extras(url):
        raise _refused("A base URL has no user name, query or fragment.")
    if _is_internal(host):
        raise _refused("This address is inside a private network.")


def _refused(why: str) -> InvalidInput:
    return InvalidInput(why, resolution=HINT, param="base_url", code="invalid_base_url")


def _has_extras(url: SplitResult) -> bool:
    return bool(url.username or url.password or url.query or url.fragment)


def _is_internal(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return not address.is_global
    return "." not in host or host.endswith(INTERNAL_SUFFIXES)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address a host spells, in the short and octal spellings too that the C library accepts (0177.1)."""
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
