"""Fetches the picture at a caller's URL, and nothing that the caller should not reach through us.

A function that fetches what callers name can be made to ask its own neighbours (server-side request
forgery): Lambda's runtime on 127.0.0.1, metadata services on 169.254.0.0/16, hosts of the private
network that the function is in. Therefore:

- only http and https, no user names, ports 80 and 443;
- a host's name is looked up once; every address must be public; the connection goes to the address
  that was checked, so that a second answer of the name server changes nothing;
- a redirect is a new URL and passes the same checks;
- time, size and the number of redirects are limited;
- proxies and credentials of the environment are not used.

All refusals are the caller's: 400 for a URL that can be seen to be wrong, 413 for a file that is
too large, 422 for all that comes of asking the host. Not 502 or 504: a 5xx is a fault of ours,
which raises alarms and makes callers ask again, and it is their URL that would fail again.
One message stands for all hosts that we may not reach, and for those that do not exist, so that
callers learn nothing of the names and addresses around us.
"""
import contextlib
import functools
import http.client
import io
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from web import CallerError, refusal

CONNECT_SECONDS = 3         # for one address; as many again for TLS
WHOLE_SECONDS = 10          # from the first look-up to the last byte, redirects included
LARGEST = 10_000_000        # bytes of a picture
LARGEST_HEAD = 100_000      # bytes around it: status line, headers, chunk sizes
LONGEST_URL = 8192          # characters; a presigned S3 URL has about 2,000
MOST_REDIRECTS = 3
MOST_ADDRESSES = 3          # of one host that are tried
PORTS = {"http": 80, "https": 443}
OPEN_PORTS = (80, 443)      # that may be reached: on others, hosts speak other protocols
# Which contents are compressed, or encrypted. Servers also send `utf-8`, nothing or their own words
# as a Content-Encoding: then it is the file that shows whether it is a picture. From the registry:
# https://www.iana.org/assignments/http-parameters (content coding), and what is in use beside it.
CODINGS = {"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "x-zstd", "dcb",
           "dcz", "exi", "pack200-gzip", "aes128gcm", "bzip2", "x-bzip2", "xz", "lzma"}
REDIRECTS = (301, 302, 303, 307, 308)

# What is not public in IPv4, from the registry of special-purpose addresses:
# https://www.iana.org/assignments/iana-ipv4-special-registry (and 224/4, 240/4). Written out,
# because what `ipaddress` calls global changes between Python versions, and includes multicast.
NOT_PUBLIC_4 = [ipaddress.IPv4Network(network) for network in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")]
# IPv6 assigns public addresses from one block. Loopback, private, link-local, multicast and
# IPv4 in disguise (::ffff:0:0/96, NAT64's 64:ff9b::/96) are outside it, and these are inside:
# IETF's (with Teredo), documentation, 6to4. https://www.iana.org/assignments/iana-ipv6-special-registry
PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_6 = [ipaddress.IPv6Network(network) for network in (
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]

AUTHORITY = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[\w-]{1,63}(?:\.[\w-]{1,63})*)\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?", re.ASCII)


class Target(NamedTuple):
    """Where one request goes; `host` in lower case, without brackets or a final dot."""
    scheme: str
    host: str
    port: int
    path: str


def fetch(url, extra_hosts=frozenset()):
    """Return the bytes at `url`, at most LARGEST; raises CallerError for a URL that is refused.

    extra_hosts: {(host, port)} that may be reached whatever their addresses and ports are.
    """
    deadline, target = time.monotonic() + WHOLE_SECONDS, check_url(url)
    for _ in range(MOST_REDIRECTS + 1):
        addresses = look_up(target, extra_hosts, deadline)
        with connect(target, addresses, deadline) as connection:
            location, content = get(target, connection, deadline)
        if location is None:
            return content
        url, target = follow(url, location)
    raise refuse(422, f"redirects more than {MOST_REDIRECTS} times")


def refuse(status, message, allowed="a URL of a JPEG, PNG or GIF file on a public host"):
    """Return the CallerError for a URL; neither message nor `allowed` quote what was sent."""
    return refusal(status, "url", message, allowed)


# ---------------------------------------------------------------- the URL

def check_url(url):
    """Return the Target of a URL; raises CallerError for one that is not plainly written."""
    if len(url) > LONGEST_URL:
        raise refuse(400, "is too long", {"maximum_characters": LONGEST_URL})
    check_characters(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refuse(400, "is not a URL") from None
    if parts.scheme not in PORTS:
        raise refuse(400, "does not begin with http:// or https://", sorted(PORTS))
    host, port = check_authority(parts.netloc)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def check_characters(url):
    """Raise CallerError for spaces, control characters, backslashes and what is not ASCII.

    Parsers disagree about these, and what one host is for the check is another for the request.
    """
    if not re.fullmatch(r"[!-\[\]-~]+", url):
        raise refuse(400, "has characters that a URL cannot have: percent-encode them")


def check_authority(text):
    """Return (host, port or None) of "host:port"; raises CallerError for all but the plain form."""
    match = AUTHORITY.fullmatch(text)
    port = match and match["port"] and int(match["port"])
    if not match or port == 0 or (port or 0) > 65535:
        raise refuse(400, "does not name a host plainly", "host or host:port, without user name")
    host = (match["name"] or match["six"]).lower()
    # Resolvers also take 2130706433, 0x7f.1, 0177.0.0.1 and 127.1 for addresses.
    last = host.rpartition(".")[2]
    if match["six"] or re.fullmatch("[0-9]+|0x[0-9a-f]*", last):
        try:
            kind = ipaddress.IPv6Address if match["six"] else ipaddress.IPv4Address
            host = str(kind(host))
        except ValueError:
            raise refuse(400, "has an address that is not written in full",
                         "four decimal numbers, or IPv6 in brackets") from None
    return host, port


def parse_hosts(text):
    """Return {(host, port)} of "host, host:port, …"; a host without a port means 80 and 443.

    Raises ValueError, naming the entry that is no host.
    """
    hosts = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            host, port = check_authority(entry)
        except Exception:
            raise ValueError(f"ALLOWED_HOSTS: {entry!r} is not a host or host:port") from None
        hosts |= {(host, port)} if port else {(host, usual) for usual in OPEN_PORTS}
    return frozenset(hosts)


def follow(url, location):
    """Return the URL that a redirect leads to, and its Target."""
    try:
        check_characters(location)
        url = urljoin(url, location)
        return url, check_url(url)
    except (CallerError, ValueError):
        raise refuse(422, "redirects to a URL that is not accepted") from None


# ---------------------------------------------------------------- the address

def look_up(target, extra_hosts, deadline):
    """Return the host's addresses; raises CallerError unless all of them may be reached."""
    extra = (target.host, target.port) in extra_hosts
    if not extra and target.port not in OPEN_PORTS:
        raise refuse(422, "names a port that may not be reached", OPEN_PORTS)
    try:
        addresses = [ipaddress.ip_address(target.host)]
    except ValueError:
        addresses = resolve(target.host, remaining(deadline))
    if not addresses or not (extra or all(is_public(address) for address in addresses)):
        raise refuse(422, "names no public host")
    return addresses[:MOST_ADDRESSES]


def resolve(name, seconds):
    """Return the addresses of a host's name, [] for none, as the system's resolver knows them.

    The system offers no time limit, so it is asked in a thread; one that is late is left behind.
    """
    answers = queue.SimpleQueue()

    def ask():
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        answers.put([entry[4][0] for entry in found])

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        raise too_slow() from None
    return [ipaddress.ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]


def is_public(address):
    """Whether an ipaddress.IPv4Address or IPv6Address is one that the whole Internet shares."""
    if address.version == 4:
        return not any(address in network for network in NOT_PUBLIC_4)
    return address in PUBLIC_6 and not any(address in network for network in NOT_PUBLIC_6)


# ---------------------------------------------------------------- the connection

def connect(target, addresses, deadline):
    """Return a socket to the first of `addresses` that answers."""
    for address in addresses:
        with contextlib.suppress(OSError, ValueError):
            return open_connection(target, address, deadline)
    remaining(deadline)
    raise refuse(422, "names a host that does not answer, or has no valid certificate")


def open_connection(target, address, deadline):
    """Return a socket connected to `address`, with TLS for https.

    The certificate must be valid for the host's name, which is not looked up again.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(min(CONNECT_SECONDS, remaining(deadline)))
        connection.connect((str(address), target.port))
        if target.scheme == "https":
            connection.settimeout(min(CONNECT_SECONDS, remaining(deadline)))
            connection = tls().wrap_socket(connection, server_hostname=target.host)
        return connection
    except BaseException:
        connection.close()
        raise


@functools.cache
def tls():
    """Return the settings for https: certificates are checked against the system's authorities."""
    return ssl.create_default_context()


def get(target, connection, deadline):
    """Send the request; return (location, None) for a redirect, else (None, content)."""
    reader = Reader(connection, deadline)
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock, client.auto_open = reader, 0   # connected already; it must not look a name up
    try:
        client.request("GET", target.path, headers={
            "Host": host_header(target), "Accept": "image/jpeg, image/png, image/gif",
            "Accept-Encoding": "identity", "Connection": "close",
            "User-Agent": "workshop-image-function"})
        response = client.getresponse()
        if response.status in REDIRECTS:
            return response.getheader("Location", ""), None
        check_response(response)
        return None, read(response)
    except TimeoutError:
        raise too_slow() from None
    except (OSError, ValueError, http.client.HTTPException):
        raise refuse(422, "names a host that does not answer as HTTP says") from None


def host_header(target):
    """Return e.g. "example.com", "example.com:8080" or "[2001:db8::1]"."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == PORTS[target.scheme] else f"{host}:{target.port}"


def check_response(response):
    """Raise CallerError for an answer that has no picture, or one that is too large."""
    if response.status != 200:
        raise refuse(422, f"is answered with the status {response.status}", 200)
    if CODINGS & set(re.findall(r"[^\s,;]+", response.getheader("Content-Encoding", "").lower())):
        raise refuse(422, "is answered with compressed content, which we did not ask for")
    if (response.length or 0) > LARGEST:
        raise too_large()


def read(response):
    """Return the body of a response, at most LARGEST bytes, and the whole of it."""
    content = bytearray()
    while chunk := response.read(65536):
        content += chunk
        if len(content) > LARGEST:
            raise too_large()
    if response.length:
        raise refuse(422, "is answered with less than was announced")
    return bytes(content)


class Reader:
    """A connected socket for http.client that stops reading at a deadline, and at a size.

    A socket's own time limit begins anew with every byte, and a host that sends one byte at a time
    would hold the function for as long as it likes.
    """

    def __init__(self, connection, deadline):
        self.connection, self.deadline = connection, deadline
        self.left = LARGEST + LARGEST_HEAD

    def sendall(self, data):
        self.connection.settimeout(remaining(self.deadline))
        self.connection.sendall(data)

    def makefile(self, mode):
        return io.BufferedReader(self.Raw(self))

    def close(self):
        """Leave the socket open: http.client closes before it has read, fetch() afterwards."""

    class Raw(io.RawIOBase):
        def __init__(self, reader):
            self.reader = reader

        def readable(self):
            return True

        def readinto(self, buffer):
            reader = self.reader
            reader.connection.settimeout(remaining(reader.deadline))
            count = reader.connection.recv_into(buffer)
            reader.left -= count
            if reader.left < 0:
                raise too_large()
            return count


# ---------------------------------------------------------------- limits

def remaining(deadline):
    """Return the seconds until `deadline`; raises CallerError when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise too_slow()
    return seconds


def too_slow():
    return refuse(422, "takes too long to answer", {"maximum_seconds": WHOLE_SECONDS})


def too_large():
    return refuse(413, "leads to a file that is too large", {"maximum_bytes": LARGEST})
