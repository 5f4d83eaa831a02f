"""What the image function fetches for its callers, and what it refuses to.

Real servers play the hosts, each on a loopback address, and keep a log of all connections. One
address plays the public Internet; the others stay what they are. Only two things of the function
are replaced: the resolver, which knows names of our own, and the notion of what is public, which
takes that one address in. Limits (time, size, ports) are set to the tests' measure.
"""
import contextlib
import datetime
import io
import ipaddress
import json
import random
import socket
import socketserver
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

import tiny_image
from function_folder import Context, load

PRIVATE_WORD = "Zaphod-8472"    # in no message and in no log


def bindable(*addresses):
    """The first of the addresses that this machine has."""
    for address in addresses:
        with contextlib.suppress(OSError), socket.socket(family(address)) as probe:
            probe.bind((address, 0))
            return address
    raise AssertionError(f"this machine has none of {addresses}")


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


PRIVATE = "127.0.0.1"
PUBLIC = bindable("127.0.0.2", "::1")       # macOS has one loopback address of each family


# ---------------------------------------------------------------- hosts

def png():
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()


class Host(socketserver.ThreadingTCPServer):
    """A server on one address that behaves as its `pages` say, and logs connections and requests.

    pages: {path: bytes to send, or a function (send, host)}.
    """
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address, pages, tls=None, port=0):
        self.address_family = family(address)
        self.pages, self.tls = pages, tls
        self.callers, self.requests, self.hung_up = [], [], threading.Event()
        super().__init__((address, port), Visit)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def verify_request(self, request, client_address):
        self.callers.append(client_address)
        return True

    def handle_error(self, request, client_address):
        """A caller that hangs up is what we wait for."""

    @property
    def connections(self):
        """How many have connected so far. A knock of our own ends the queue of those that have."""
        with socket.socket(self.address_family) as knock:
            knock.connect(self.server_address)
            mine = knock.getsockname()
            while mine not in self.callers:
                threading.Event().wait(0.001)
        self.callers.remove(mine)
        return len(self.callers)

    def paths(self):
        return [request.split()[1] for request in self.requests]


class Visit(socketserver.BaseRequestHandler):
    def setup(self):
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            received = self.request.recv(65536)
            if not received:
                return
            head += received
        self.server.requests.append(head.decode())
        page = self.server.pages[head.split()[1].decode()]
        try:
            page(self.request.sendall, self.server) if callable(page) else \
                self.request.sendall(page)
        except OSError:
            self.server.hung_up.set()
            raise


def answer(content=b"", status="200 OK", **headers):
    """The bytes of an HTTP response; headers as keywords, None takes Content-Length away."""
    headers = {"content_length": len(content), **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()
             if value is not None]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode() + content


def endless(head, piece, pause=0.0):
    """A page that sends `head`, and then `piece` again and again, until the caller hangs up."""
    def page(send, host):
        send(head)
        for _ in range(64_000_000 // len(piece)):
            send(piece)
            threading.Event().wait(pause) if pause else None
    return page


def silent(send, host):
    """A page that never comes, until the test ends."""
    host.hung_up.wait(10)


def chunks(content, size=100):
    pieces = [content[at:at + size] for at in range(0, len(content), size)] + [b""]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


COMPRESSED = ["gzip", "br", "zstd", "deflate", "x-gzip", "Compress", "GZIP", "identity, gzip",
              "gzip,br", " utf-8 ,\tdeflate", "gzip;q=1.0"]
PLAIN = ["", "utf-8", "UTF-8", "identity", "Identity", "identity, identity", "none", "binary",
         "aws-chunked", "image/png", ",", "8bit", "utf-8, identity", "not-gzip"]
CHUNKED = {"content_length": None, "transfer_encoding": "chunked"}
DRIP = 0.02     # seconds between two bytes
PAGES = {
    "/picture": answer(PNG), "/picture?size=8&x=%20": answer(PNG), "//double": answer(PNG),
    "/": answer(PNG),
    "/chunked": answer(chunks(PNG), **CHUNKED),
    "/no-length": answer(PNG, content_length=None),
    "/wrong-type": answer(PNG, content_type="text/html"),
    # not a picture
    "/html": answer(b"<html>" + PRIVATE_WORD.encode(), content_type="image/png"),
    "/nothing": answer(b""),
    # statuses
    **{f"/{status}": answer(PNG, f"{status} X") for status in (201, 204, 206, 304, 401, 404, 500)},
    # time
    "/silent": silent,
    "/drip-status": endless(b"", b"H", DRIP),
    "/drip-header": endless(b"HTTP/1.1 200 OK\r\n", b"a", DRIP),
    "/drip-headers": endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", DRIP),
    "/drip-body": endless(answer(content_length=100_000), b"x", DRIP),
    "/drip-chunks": endless(answer(**CHUNKED), b"1\r\nx\r\n", DRIP),
    "/drip-continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", DRIP),
    # size
    "/announced": answer(b"x", content_length=10_000_001),
    "/large": endless(answer(content_length=50_000_000), bytes(65536)),
    "/large-no-length": endless(answer(content_length=None), bytes(65536)),
    "/large-chunked": endless(answer(**CHUNKED), b"10000\r\n" + bytes(65536) + b"\r\n"),
    "/large-chunk-sizes": endless(answer(**CHUNKED), b"1;" + b"x" * 60_000 + b"\r\nx\r\n"),
    "/large-header": endless(b"HTTP/1.1 200 OK\r\na: ", bytes(65536)),
    "/large-headers": endless(b"HTTP/1.1 200 OK\r\n", b"a: " + b"b" * 60_000 + b"\r\n"),
    "/large-continue": endless(b"", b"HTTP/1.1 100 Continue\r\n" + b"a: b\r\n" * 90 + b"\r\n"),
    "/large-trailers": endless(answer(b"0\r\n", **CHUNKED), b"a: " + b"b" * 60_000 + b"\r\n"),
    "/lies": endless(answer(PNG, content_length=len(PNG)), bytes(65536)),
    # not as HTTP says
    "/short": answer(PNG[:50], content_length=len(PNG)),
    "/short-chunk": answer(b"ffff\r\n" + PNG, **CHUNKED),
    "/bad-chunk": answer(b"zz\r\n" + PNG, **CHUNKED),
    "/negative-chunk": answer(b"-1\r\n" + PNG, **CHUNKED),
    "/negative-length": answer(PNG, content_length=-5),
    **{f"/coded-{number}": answer(PNG, content_encoding=coding)
       for number, coding in enumerate(COMPRESSED + PLAIN)},
    "/garbage": b"\x00\xff" * 1000,
    "/old": PNG,
    "/closed": b"",
}
NOT_AT_ONCE = {path: page for path, page in PAGES.items() if callable(page)}


class World:
    """The function, the two hosts, and what the resolver knows."""

    def __init__(self, function, public, private):
        self.function, self.public, self.private = function, public, private
        self.names = {"photos.test": [PUBLIC], "inside.test": [PRIVATE],
                      "both.test": [PUBLIC, PRIVATE], "mapped.test": ["::ffff:127.0.0.1"],
                      "nat64.test": ["64:ff9b::7f00:1"], "metadata.test": ["169.254.169.254"]}
        self.asked = []

    def resolve(self, name, seconds):
        """Our names; the rest as the system knows it, as far as that needs no network."""
        self.asked.append(name)
        known = self.names.get(name, [])
        if callable(known):
            known = known()
        if name == "localhost" or name[-1].isdigit():
            return self.system(name, seconds)
        return [ipaddress.ip_address(text) for text in known]

    def url(self, text):
        """A URL with the hosts' ports put in: {a} the public one's, {p} the private one's."""
        return text.replace("{a}", str(self.public.port)).replace("{p}", str(self.private.port))

    def ask(self, capsys, text):
        """Send the URL `text` to the function; return (status, content)."""
        content = self.function.lambda_handler({"url": self.url(text)}, Context())
        printed = capsys.readouterr()
        line, = printed.out.splitlines()
        status = content.get("statusCode", 200)
        assert json.loads(line)["status"] == status and printed.err == ""
        for secret in (PRIVATE_WORD, "photos.test", "inside.test", "/picture"):
            assert secret not in line + json.dumps(content), "neither URL nor content are repeated"
        return status, content

    def refused(self, capsys, text, status, words):
        """The same, for a URL that must be refused; no caller gets to the private host."""
        found, content = self.ask(capsys, text)
        assert (found, self.private.connections) == (status, 0)
        problem, = content["problems"]
        assert problem["field"] == "url" and words in problem["message"] and problem["allowed"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_image.make(tmp_path_factory.mktemp("models") / "m.onnx", tiny_image.KERAS_LIKE)


@pytest.fixture
def hosts():
    """Starts a Host; all are stopped at the end."""
    started = []

    def start(*arguments, **options):
        started.append(Host(*arguments, **options))
        return started[-1]
    yield start
    for host in started:
        host.hung_up.set()
        host.shutdown()
        host.server_close()


@pytest.fixture
def world(monkeypatch, model, hosts):
    return make_world(monkeypatch, model, hosts)


def make_world(monkeypatch, model, hosts, extra_hosts="", tls=None):
    public, private = hosts(PUBLIC, dict(PAGES), tls), hosts(PRIVATE, dict(PAGES))
    monkeypatch.setenv("ALLOWED_HOSTS", extra_hosts.replace("{p}", str(private.port)))
    function = load(monkeypatch, "image", model)
    world, fetch = World(function, public, private), function.fetch
    world.system, real = fetch.resolve, fetch.is_public
    monkeypatch.setattr(fetch, "resolve", world.resolve)
    monkeypatch.setattr(fetch, "is_public", lambda found: str(found) == PUBLIC or real(found))
    monkeypatch.setattr(fetch, "OPEN_PORTS", (80, 443, public.port, private.port))
    monkeypatch.setattr(fetch, "WHOLE_SECONDS", 30)
    return world


# ---------------------------------------------------------------- what is fetched

@pytest.mark.parametrize("path", ["/picture", "/picture?size=8&x=%20", "//double", "/chunked",
                                  "/no-length", "/wrong-type", "", "/picture#part"])
def test_picture_on_a_public_host_is_fetched(world, capsys, path):
    status, content = world.ask(capsys, f"http://photos.test:{{a}}{path}")
    assert status == 200 and len(content["predictions"]) == 3
    assert world.public.paths() == [path.partition("#")[0] or "/"]
    assert world.asked == ["photos.test"]


@pytest.mark.parametrize("host", ["PHOTOS.test", "photos.test.", "photos.test"])
def test_request_tells_the_host_its_name_and_nothing_of_us(world, capsys, host):
    assert world.ask(capsys, f"HTTP://{host}:{{a}}/picture")[0] == 200
    lines = world.public.requests[0].split("\r\n")
    assert lines[0] == "GET /picture HTTP/1.1"
    assert sorted(lines[1:-2]) == [
        "Accept-Encoding: identity", "Accept: image/jpeg, image/png, image/gif",
        "Connection: close", f"Host: photos.test:{world.public.port}",
        "User-Agent: workshop-image-function"]


def test_address_in_full_is_fetched_without_asking_the_resolver(world, capsys):
    host = f"[{PUBLIC}]" if ":" in PUBLIC else PUBLIC
    assert world.ask(capsys, f"http://{host}:{{a}}/picture")[0] == 200
    assert world.asked == []


def test_host_with_ipv6_is_fetched(world, hosts, capsys, monkeypatch):
    try:
        host = hosts("::1", dict(PAGES))
    except OSError:
        pytest.skip("this machine has no IPv6")
    monkeypatch.setattr(world.function.fetch, "is_public", lambda found: str(found) == "::1")
    monkeypatch.setattr(world.function.fetch, "OPEN_PORTS", (host.port,))
    world.names["six.test"] = ["::1"]
    assert world.ask(capsys, f"http://six.test:{host.port}/picture")[0] == 200
    assert world.ask(capsys, f"http://[0::1]:{host.port}/picture")[0] == 200
    assert host.paths() == ["/picture", "/picture"]
    assert f"Host: [::1]:{host.port}\r\n" in host.requests[1]


@pytest.mark.parametrize("location", [
    "/picture", "picture", "http://photos.test:{a}/picture", "//photos.test:{a}/picture"])
@pytest.mark.parametrize("status", ["301 X", "302 X", "303 X", "307 X", "308 X"])
def test_redirect_on_public_hosts_is_followed(world, capsys, status, location):
    world.public.pages["/here"] = answer(PNG, status, location=world.url(location))
    assert world.ask(capsys, "http://photos.test:{a}/here")[0] == 200
    assert world.public.paths() == ["/here", "/picture"]


def test_proxies_of_the_environment_are_not_used(world, capsys, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{PRIVATE}:{world.private.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert world.ask(capsys, "http://photos.test:{a}/picture")[0] == 200
    assert world.private.connections == 0


# ---------------------------------------------------------------- what is not

NO_HOST, NOT_FULL, NOT_PLAIN = "no public host", "not written in full", "host plainly"
CHARACTERS, SCHEME = "characters", "http:// or https://"
AUTHORITIES = {     # the host in a URL: status, words of the message
    # 127.0.0.1 in every notation
    "127.0.0.1:{p}": (422, NO_HOST), "127.0.0.1.:{p}": (422, NO_HOST),
    "127.1:{p}": (400, NOT_FULL), "127.0.1:{p}": (400, NOT_FULL),
    "2130706433:{p}": (400, NOT_FULL), "017700000001:{p}": (400, NOT_FULL),
    "0x7f000001:{p}": (400, NOT_FULL), "0X7F.1:{p}": (400, NOT_FULL),
    "0x7f.0x0.0x0.0x1:{p}": (400, NOT_FULL), "0177.0.0.1:{p}": (400, NOT_FULL),
    "127.0.0.01:{p}": (400, NOT_FULL), "127.0.0.0x1:{p}": (400, NOT_FULL),
    "4294967297.0.0.1:{p}": (400, NOT_FULL), "127.0.0.257:{p}": (400, NOT_FULL),
    "127.0.0.1..:{p}": (400, NOT_PLAIN), ".127.0.0.1:{p}": (400, NOT_PLAIN),
    "１２７.0.0.1:{p}": (400, CHARACTERS), "①②⑦.0.0.1:{p}": (400, CHARACTERS),
    "127。0。0。1:{p}": (400, CHARACTERS), "127%2e0%2e0%2e1:{p}": (400, NOT_PLAIN),
    "%31%32%37.0.0.1:{p}": (400, NOT_PLAIN),
    "127.8.4.72:{p}": (422, NO_HOST), "0.0.0.0:{p}": (422, NO_HOST), "0:{p}": (400, NOT_FULL),
    # the same in IPv6
    "[::1]:{p}": (422, NO_HOST), "[0:0:0:0:0:0:0:1]:{p}": (422, NO_HOST),
    "[0000:0000:0000:0000:0000:0000:0000:0001]:{p}": (422, NO_HOST), "[::]:{p}": (422, NO_HOST),
    "[::ffff:127.0.0.1]:{p}": (422, NO_HOST), "[::FFFF:7F00:1]:{p}": (422, NO_HOST),
    "[::127.0.0.1]:{p}": (422, NO_HOST), "[::ffff:0:127.0.0.1]:{p}": (422, NO_HOST),
    "[64:ff9b::127.0.0.1]:{p}": (422, NO_HOST), "[64:ff9b:1::7f00:1]:{p}": (422, NO_HOST),
    "[2002:7f00:1::]:{p}": (422, NO_HOST), "[2001:0:0:0:0:0:80ff:fffe]:{p}": (422, NO_HOST),
    "[::1%25lo]:{p}": (400, ""), "[::1%lo]:{p}": (400, ""), "[fe80::1%25eth0]:{p}": (400, ""),
    "[::ffff:0177.0.0.1]:{p}": (400, ""), "[127.0.0.1]:{p}": (400, ""), "[]:{p}": (400, ""),
    "[::1:{p}": (400, ""), "::1": (400, NOT_PLAIN), "[v1.7f000001]:{p}": (400, ""),
    "[::1]x:{p}": (400, ""), "photos.test[::1]:{p}": (400, ""),
    # other addresses that are not public, on port 80
    "169.254.169.254": (422, NO_HOST), "169.254.170.2": (422, NO_HOST),
    "[fd00:ec2::254]": (422, NO_HOST), "[::ffff:a9fe:a9fe]": (422, NO_HOST),
    "10.0.0.1": (422, NO_HOST), "172.31.255.255": (422, NO_HOST), "192.168.0.1": (422, NO_HOST),
    "100.100.100.200": (422, NO_HOST), "198.19.0.1": (422, NO_HOST), "192.0.0.192": (422, NO_HOST),
    "224.0.0.1": (422, NO_HOST), "255.255.255.255": (422, NO_HOST), "[ff02::1]": (422, NO_HOST),
    "[fe80::1]": (422, NO_HOST), "[fec0::1]": (422, NO_HOST), "[fc00::1]": (422, NO_HOST),
    # names
    "localhost:{p}": (422, NO_HOST), "LocalHost.:{p}": (422, NO_HOST),
    "inside.test:{p}": (422, NO_HOST), "inside.test.:{p}": (422, NO_HOST),
    "both.test:{p}": (422, NO_HOST), "mapped.test:{p}": (422, NO_HOST),
    "nat64.test:{p}": (422, NO_HOST), "metadata.test": (422, NO_HOST),
    "unknown.test": (422, NO_HOST), "photos..test": (400, NOT_PLAIN),
    "x" * 64 + ".test": (400, NOT_PLAIN), ".": (400, NOT_PLAIN), "": (400, NOT_PLAIN),
    "*.test": (400, NOT_PLAIN), "photos.test,inside.test": (400, NOT_PLAIN),
    # user names
    "photos.test@127.0.0.1:{p}": (400, NOT_PLAIN), "127.0.0.1:{p}@photos.test:{a}":
    (400, NOT_PLAIN), "user:word@photos.test:{a}": (400, NOT_PLAIN), "@photos.test:{a}":
    (400, NOT_PLAIN), "photos.test:{a}@127.0.0.1:{p}": (400, NOT_PLAIN),
    "photos.test:{a}\\@127.0.0.1:{p}": (400, CHARACTERS),
    "127.0.0.1:{p}\\@photos.test:{a}": (400, CHARACTERS),
    "127.0.0.1:{p}\\.photos.test": (400, CHARACTERS), "127.0.0.1:{p}#@photos.test:{a}":
    (422, NO_HOST), "127.0.0.1:{p}?@photos.test:{a}": (422, NO_HOST),
    "127.0.0.1:{p};photos.test": (400, NOT_PLAIN), "127.0.0.1&@photos.test:{a}": (400, NOT_PLAIN),
    # ports
    "photos.test:0": (400, NOT_PLAIN), "photos.test:65536": (400, NOT_PLAIN),
    "photos.test:-1": (400, NOT_PLAIN), "photos.test:8x": (400, NOT_PLAIN), "photos.test:٨٠":
    (400, CHARACTERS), "photos.test:22": (422, "port"), "8.8.8.8:25": (422, "port"),
    "photos.test:{a}:{p}": (400, NOT_PLAIN), "photos.test:": (400, NOT_PLAIN),
    # characters that parsers drop, or stop at
    "photos.test\t.inside.test": (400, CHARACTERS), "127.0.0.1\n:{p}": (400, CHARACTERS),
    "photos.test:{a}/ HTTP/1.1\r\nHost: inside.test\r\n\r\n": (400, CHARACTERS),
    "photos.test\0.inside.test": (400, CHARACTERS), " photos.test": (400, CHARACTERS),
    "photos.test%00.inside.test": (400, NOT_PLAIN), "bücher.test": (400, CHARACTERS),
}
URLS = {
    "file:///etc/passwd": (400, SCHEME), "FILE:///etc/passwd": (400, SCHEME),
    "ftp://photos.test/picture": (400, SCHEME), "gopher://127.0.0.1:{p}/_GET": (400, SCHEME),
    "data:image/png;base64,AAAA": (400, SCHEME), "dict://127.0.0.1:{p}/": (400, SCHEME),
    "jar:http://127.0.0.1:{p}!/": (400, SCHEME), "s3://bucket/key": (400, SCHEME),
    "javascript:alert(1)": (400, SCHEME), "photos.test/picture": (400, SCHEME),
    "//127.0.0.1:{p}/": (400, SCHEME), "/etc/passwd": (400, SCHEME), "?": (400, SCHEME),
    "http:/127.0.0.1:{p}/": (400, NOT_PLAIN), "http:127.0.0.1:{p}": (400, NOT_PLAIN),
    "http:///127.0.0.1:{p}/": (400, NOT_PLAIN), "http://": (400, NOT_PLAIN),
    " http://photos.test:{a}/picture": (400, CHARACTERS),
    "\x01http://photos.test:{a}/picture": (400, CHARACTERS),
    "ht\ntp://photos.test:{a}/picture": (400, CHARACTERS),
    "http://photos.test:{a}/" + "x" * 9000: (400, "too long"),
}
HOSTILE = {f"http://{host}/picture": expected for host, expected in AUTHORITIES.items()} | URLS


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_hostile_url_is_refused_and_nobody_is_asked(world, capsys, url):
    status, words = HOSTILE[url]
    world.refused(capsys, url, status, words)
    assert world.public.connections == 0


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{p}/picture", "http://localhost:{p}/picture", "http://inside.test:{p}/picture",
    "http://[::ffff:127.0.0.1]:{p}/picture"])
def test_private_host_would_answer_if_it_were_not_refused(world, capsys, monkeypatch, url):
    monkeypatch.setattr(world.function.fetch, "is_public", lambda address: True)
    assert world.ask(capsys, url)[0] == 200
    assert world.private.paths() == ["/picture"]


@pytest.mark.parametrize("location", [
    "http://127.0.0.1:{p}/picture", "//127.0.0.1:{p}/picture", "http://localhost:{p}/picture",
    "http://inside.test:{p}/picture", "http://both.test:{p}/picture", "http://[::1]:{p}/picture",
    "http://[::ffff:127.0.0.1]:{p}/picture", "https://127.0.0.1:{p}/picture",
    "http://2130706433:{p}/picture", "http://0x7f.1:{p}/picture", "http://127.1:{p}/picture",
    "http://photos.test:{a}@127.0.0.1:{p}/picture", "http://photos.test:22/picture",
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.1/",
    "file:///etc/passwd", "ftp://127.0.0.1:{p}/", "data:image/png;base64,AAAA",
    "http://photos.test\\@127.0.0.1:{p}/", "http://127.0.0.1:{p}\t/", "http://[::1", "", None,
    "http://bücher.test/"], ids=ascii)
def test_redirect_to_what_must_not_be_reached_is_refused(world, capsys, location):
    location = location if location is None else world.url(location)
    world.public.pages["/here"] = answer(PNG, "302 Found", location=location)
    world.refused(capsys, "http://photos.test:{a}/here", 422, "")
    assert world.public.paths() == ["/here"]


def test_redirect_to_a_private_host_after_public_ones_is_refused(world, capsys):
    for here, there in (("/1", "/2"), ("/2", "/3"), ("/3", "http://127.0.0.1:{p}/picture")):
        world.public.pages[here] = answer(status="302 X", location=world.url(there))
    world.refused(capsys, "http://photos.test:{a}/1", 422, NO_HOST)
    assert world.public.paths() == ["/1", "/2", "/3"]


def test_redirects_without_end_are_cut_off(world, capsys):
    world.public.pages["/here"] = answer(status="302 X", location="/here")
    world.refused(capsys, "http://photos.test:{a}/here", 422, "redirects more than 3 times")
    assert world.public.paths() == ["/here"] * 4


def test_answer_of_the_name_server_that_changes_after_the_check_changes_nothing(world, capsys):
    answers = iter([[PUBLIC], [PRIVATE]])
    world.names["changes.test"] = lambda: next(answers)
    # On the private host's port: a second look-up would find the private host there.
    elsewhere = Host(PUBLIC, dict(PAGES), port=world.private.port)
    try:
        assert world.ask(capsys, "http://changes.test:{p}/picture")[0] == 200
        assert elsewhere.paths() == ["/picture"] and world.asked == ["changes.test"]
        assert world.private.connections == 0
    finally:
        elsewhere.shutdown()
        elsewhere.server_close()


def test_answer_of_the_name_server_that_changes_before_a_redirect_is_checked_again(world, capsys):
    answers = iter([[PUBLIC], [PRIVATE]])
    world.names["changes.test"] = lambda: next(answers)
    world.public.pages["/here"] = answer(status="302 X", location=world.url(
        "http://changes.test:{p}/picture"))
    world.refused(capsys, "http://changes.test:{a}/here", 422, NO_HOST)
    assert world.asked == ["changes.test", "changes.test"]


def test_resolver_that_does_not_answer_is_not_waited_for(world, capsys, monkeypatch):
    ended = threading.Event()
    fetch = world.function.fetch
    monkeypatch.setattr(fetch, "resolve", world.system)
    monkeypatch.setattr(fetch.socket, "getaddrinfo", lambda *_, **__: [ended.wait(60)][1:])
    monkeypatch.setattr(fetch, "WHOLE_SECONDS", 0.2)
    world.refused(capsys, "http://photos.test:{a}/picture", 422, "too long to answer")
    ended.set()


@pytest.mark.parametrize("error", [
    socket.gaierror(-2, "unknown"), UnicodeError("too long"), OSError("no network")], ids=repr)
def test_resolver_that_fails_finds_no_public_host(world, capsys, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(world.function.fetch, "resolve", world.system)
    monkeypatch.setattr(world.function.fetch.socket, "getaddrinfo", fail)
    world.refused(capsys, "http://photos.test:{a}/picture", 422, NO_HOST)


def test_resolver_gives_each_address_once(world):
    found = world.system("localhost", 5)
    assert found and all(address.is_loopback for address in found)
    assert len(set(found)) == len(found)


# ---------------------------------------------------------------- hosts that misbehave

SLOW, LARGE, BROKEN = (422, "too long to answer"), (413, "too large"), (422, "as HTTP says")
MISBEHAVIOUR = {
    **{f"/{status}": (422, f"status {status}") for status in (201, 204, 206, 304, 401, 404, 500)},
    "/html": (415, "known format"), "/nothing": (415, "known format"),
    "/silent": SLOW, "/drip-status": SLOW, "/drip-header": SLOW, "/drip-headers": SLOW,
    "/drip-body": SLOW, "/drip-chunks": SLOW, "/drip-continue": SLOW,
    "/announced": LARGE, "/large": LARGE, "/large-no-length": LARGE, "/large-chunked": LARGE,
    "/large-chunk-sizes": LARGE, "/large-header": BROKEN, "/large-headers": LARGE,
    "/large-continue": LARGE, "/large-trailers": LARGE,
    "/short": (422, "less than was announced"), "/short-chunk": BROKEN, "/bad-chunk": BROKEN,
    **{f"/coded-{number}": (422, "compressed") for number in range(len(COMPRESSED))},
    "/garbage": BROKEN, "/old": BROKEN, "/closed": BROKEN,
}


@pytest.mark.parametrize("path", MISBEHAVIOUR)
def test_host_that_misbehaves_is_left(world, capsys, monkeypatch, path):
    status, words = MISBEHAVIOUR[path]
    if (status, words) == SLOW:
        monkeypatch.setattr(world.function.fetch, "WHOLE_SECONDS", 0.5)
    if path not in ("/announced", "/large"):
        monkeypatch.setattr(world.function.fetch, "LARGEST", 500_000)
    world.refused(capsys, f"http://photos.test:{{a}}{path}", status, words)
    assert world.public.paths() == [path]
    if path in NOT_AT_ONCE and path not in ("/silent",):
        assert world.public.hung_up.wait(10), "the host could send all it had"


@pytest.mark.parametrize("coding", PLAIN)
def test_content_encoding_that_is_no_compression_is_no_obstacle(world, capsys, coding):
    path = f"/coded-{(COMPRESSED + PLAIN).index(coding)}"
    assert world.ask(capsys, f"http://photos.test:{{a}}{path}")[0] == 200


def test_no_more_than_announced_is_read(world, capsys):
    assert world.ask(capsys, "http://photos.test:{a}/lies")[0] == 200
    assert world.public.hung_up.wait(10)


@pytest.mark.parametrize("path", ["/negative-chunk", "/negative-length"])
def test_nonsense_about_sizes_is_no_fault(world, capsys, path):
    assert world.ask(capsys, f"http://photos.test:{{a}}{path}")[0] in (200, 422)


def test_largest_file_is_read_and_one_byte_more_is_not(world, capsys, monkeypatch):
    for announced in (True, False):
        for extra, status in ((0, 200), (-1, 413)):
            monkeypatch.setattr(world.function.fetch, "LARGEST", len(PNG) + extra)
            path = "/picture" if announced else "/no-length"
            assert world.ask(capsys, f"http://photos.test:{{a}}{path}")[0] == status


def test_host_that_does_not_answer_is_left_for_its_next_address(world, capsys, monkeypatch):
    closed = bindable("127.0.0.3", PUBLIC)
    world.names["two.test"] = [closed, PUBLIC]
    usual = world.function.fetch.is_public
    monkeypatch.setattr(world.function.fetch, "is_public",
                        lambda found: str(found) == closed or usual(found))
    assert world.ask(capsys, "http://two.test:{a}/picture")[0] == 200


def test_port_where_nobody_listens_is_refused(world, capsys, monkeypatch):
    with socket.socket(family(PUBLIC)) as unused:
        unused.bind((PUBLIC, 0))
        port = unused.getsockname()[1]
        monkeypatch.setattr(world.function.fetch, "OPEN_PORTS", (port,))
        world.refused(capsys, f"http://photos.test:{port}/", 422, "does not answer")


# ---------------------------------------------------------------- https

def certificate(folder, name, issuer=None, address=None):
    """Write a certificate for a name, signed by `issuer` (certificate, key) or by itself.

    Returns (certificate, key, file that holds both).
    """
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name)]
    if address:
        names.append(x509.IPAddress(ipaddress.ip_address(address)))
    signer, signing_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(signer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
            .add_extension(x509.KeyUsage(True, *[False] * 4, *[issuer is None] * 2, False, False),
                           True)    # from here on, Python 3.13 wants to see these
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                signing_key.public_key()), False)
            .sign(signing_key, hashes.SHA256()))
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM))
    return made, key, path


@pytest.fixture
def secure_world(monkeypatch, model, hosts, tmp_path):
    """`secure_world(name)`: the public host shows a certificate for `name`; its authority is
    known to the system unless the name is "self-signed". What the callers asked for: `.sni`."""
    authority = certificate(tmp_path, "authority.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[2]))

    def make(name):
        seen = []
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.sni_callback = lambda connection, asked, context: seen.append(asked)
        issuer = None if name == "self-signed" else authority
        name = "photos.test" if name == "self-signed" else name
        tls.load_cert_chain(certificate(tmp_path, name, issuer, address=PUBLIC)[2])
        world = make_world(monkeypatch, model, hosts, tls=tls)
        world.sni = seen
        return world
    return make


def test_https_asks_the_checked_address_for_the_certificate_of_the_name(secure_world, capsys):
    world = secure_world("photos.test")
    assert world.ask(capsys, "https://photos.test.:{a}/picture")[0] == 200
    assert world.sni == ["photos.test"] and world.asked == ["photos.test"]
    assert f"Host: photos.test:{world.public.port}\r\n" in world.public.requests[0]


def test_https_with_an_address_needs_a_certificate_for_the_address(secure_world, capsys):
    world = secure_world("photos.test")
    host = f"[{PUBLIC}]" if ":" in PUBLIC else PUBLIC
    assert world.ask(capsys, f"https://{host}:{{a}}/picture")[0] == 200


@pytest.mark.parametrize("name", ["other.test", "self-signed"])
def test_https_without_a_valid_certificate_is_refused_before_anything_is_asked(
        secure_world, capsys, name):
    world = secure_world(name)
    world.refused(capsys, "https://photos.test:{a}/picture", 422, "no valid certificate")
    assert world.public.connections == 1 and world.public.requests == []


@pytest.mark.parametrize("path", ["/drip-body", "/drip-headers", "/large-no-length"])
def test_limits_hold_for_https_too(secure_world, capsys, monkeypatch, path):
    world = secure_world("photos.test")
    if MISBEHAVIOUR[path] == SLOW:
        monkeypatch.setattr(world.function.fetch, "WHOLE_SECONDS", 1)
    monkeypatch.setattr(world.function.fetch, "LARGEST", 500_000)
    world.refused(capsys, f"https://photos.test:{{a}}{path}", *MISBEHAVIOUR[path])
    assert world.public.hung_up.wait(10)


def test_host_that_begins_no_tls_is_not_waited_for(world, capsys, monkeypatch):
    monkeypatch.setattr(world.function.fetch, "CONNECT_SECONDS", 0.3)
    world.refused(capsys, "https://photos.test:{a}/picture", 422, "no valid certificate")
    assert world.public.requests == []


# ---------------------------------------------------------------- extra hosts

@pytest.mark.parametrize("extra", [
    "inside.test:{p}", "Inside.Test.:{p}", "a.test, inside.test:{p} ,", "127.0.0.1:{p}"])
def test_extra_host_is_reached_though_it_is_private(monkeypatch, model, hosts, capsys, extra):
    world = make_world(monkeypatch, model, hosts, extra)
    monkeypatch.setattr(world.function.fetch, "OPEN_PORTS", (80, 443))
    host = "127.0.0.1" if extra.startswith("127") else "inside.test"
    assert world.ask(capsys, f"http://{host}:{{p}}/picture")[0] == 200
    assert world.private.paths() == ["/picture"]


@pytest.mark.parametrize("extra", [
    "", "inside.test:1", "inside.test", "side.test:{p}", "test:{p}", "photos.test:{p}"])
def test_extra_host_is_that_host_on_that_port_and_no_other(
        monkeypatch, model, hosts, capsys, extra):
    world = make_world(monkeypatch, model, hosts, extra)
    monkeypatch.setattr(world.function.fetch, "OPEN_PORTS", (80, 443))
    world.refused(capsys, "http://inside.test:{p}/picture", 422, "port")
    world.refused(capsys, "http://127.0.0.1:{p}/picture", 422, "port")
    world.refused(capsys, "http://127.0.0.1/picture", 422, NO_HOST)


def test_extra_host_cannot_send_us_to_other_private_ones(monkeypatch, model, hosts, capsys):
    world = make_world(monkeypatch, model, hosts, "inside.test:{p}")
    neighbour = hosts(PRIVATE, dict(PAGES))
    monkeypatch.setattr(world.function.fetch, "OPEN_PORTS", (80, 443, neighbour.port))
    world.private.pages["/here"] = answer(
        status="302 X", location=f"http://{PRIVATE}:{neighbour.port}/picture")
    assert world.ask(capsys, "http://inside.test:{p}/here")[0] == 422
    assert world.private.paths() == ["/here"] and neighbour.connections == 0


def test_extra_host_without_a_port_means_the_usual_ports(monkeypatch, model):
    monkeypatch.setenv("ALLOWED_HOSTS", "Inside.test,[::1]:4566")
    function = load(monkeypatch, "image", model)
    assert function.EXTRA_HOSTS == {("inside.test", 80), ("inside.test", 443), ("::1", 4566)}


def test_no_extra_host_is_the_rule(monkeypatch, model):
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    assert load(monkeypatch, "image", model).EXTRA_HOSTS == frozenset()


@pytest.mark.parametrize("text", [
    "http://inside.test", "*.test", "10.0.0.0/8", "a b", "x:0", "127.1"])
def test_extra_host_that_is_none_stops_at_import(monkeypatch, model, text):
    monkeypatch.setenv("ALLOWED_HOSTS", f"ok.test, {text}")
    with pytest.raises(ValueError, match="ALLOWED_HOSTS: '.*' is not a host or host:port"):
        load(monkeypatch, "image", model)


# ---------------------------------------------------------------- what is public

ADDRESSES = {
    True: ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
           "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0",
           "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
           "2606:4700:4700::1111", "2a00:1450:4001::1", "2600:1f18::1"],
    False: ["0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
            "127.0.0.1", "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.0",
            "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.255.255",
            "198.18.0.0", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
            "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
            "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1",
            "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:808:808::1",
            "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"]}


@pytest.mark.parametrize("public", ADDRESSES)
def test_public_is_what_the_registries_say(monkeypatch, model, public):
    fetch = load(monkeypatch, "image", model).fetch
    found = {text: fetch.is_public(ipaddress.ip_address(text)) for text in ADDRESSES[public]}
    assert found == dict.fromkeys(ADDRESSES[public], public)


def test_public_is_never_more_than_python_calls_global(monkeypatch, model):
    fetch, draw = load(monkeypatch, "image", model).fetch, random.Random(5)
    for _ in range(20_000):
        address = draw.choice([ipaddress.IPv4Address(draw.getrandbits(32)),
                               ipaddress.IPv6Address(draw.getrandbits(128))])
        if fetch.is_public(address):
            assert address.is_global and not address.is_multicast and not address.is_reserved
