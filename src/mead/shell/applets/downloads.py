# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that get bodies: each notes an offer and leaves a file that waits for it.

Nothing is fetched here. What the peer sees is what the tool prints when the download works.

**Source:** BusyBox `networking/wget.c`, `tftp.c`, `ftpgetput.c`; curl(1), tftp-hpa(1).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from mead.shell.applets.hosts import is_unknown
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.conversation import page_asked_for
from mead.shell.streams import Sink
from mead.shell.vfs import PathError

__all__ = ["TABLE", "web_address"]

_WGET_LONG: Final = {
    "output-document": "O:", "directory-prefix": "P:", "user-agent": "U:", "quiet": "q", "continue": "c", "spider": "spider",
    "no-check-certificate": "no-check", "header": "header:", "post-data": "post:", "post-file": "post:", "timeout": "T:",
    "tries": "t:", "no-verbose": "q", "proxy": "Y:", "output-file": "o:", "no-clobber": "n", "input-file": "i:", "help": "help",
    "version": "version", "referer": "header:", "no-proxy": "no", "no-cache": "no", "no-hsts": "no", "show-progress": "no",
    "user": "user:", "password": "password:", "background": "b", "recursive": "r", "content-disposition": "no",
    "limit-rate": "no:", "max-redirect": "no:", "method": "no:", "body-data": "no:", "secure-protocol": "no:",
    "retry-connrefused": "no", "waitretry": "no:", "read-timeout": "no:", "dns-timeout": "no:", "connect-timeout": "no:",
    "bind-address": "no:", "inet4-only": "no", "inet6-only": "no", "no-parent": "no", "level": "no:",
}  # fmt: skip
_CURL_LONG: Final = {
    "output": "o:", "remote-name": "O", "user-agent": "A:", "silent": "s", "location": "L", "insecure": "k", "fail": "f",
    "request": "X:", "data": "d:", "header": "H:", "connect-timeout": "no:", "max-time": "m:", "retry": "no:", "user": "u:",
    "proxy": "x:", "progress-bar": "no", "url": "url:", "compressed": "no", "show-error": "S", "create-dirs": "no",
    "output-dir": "dir:", "referer": "e:", "head": "I", "form": "F:", "data-binary": "d:", "upload-file": "T:", "http1.1": "no",
    "tlsv1.2": "no", "proto": "no:", "version": "V", "help": "h", "ipv4": "no", "ipv6": "no", "noproxy": "no:", "retry-delay": "no:",
    "socks5": "x:", "socks5-hostname": "x:", "remote-name-all": "O", "max-redirs": "no:", "cookie": "b:", "resolve": "no:",
    "data-raw": "d:", "data-urlencode": "d:", "doh-url": "no:", "fail-with-body": "f", "no-progress-meter": "no", "range": "r:",
}  # fmt: skip


def web_address(text: str) -> str:
    """The URL that a download tool makes of a word: `http://` when no scheme is given, a path at least `/`."""
    text = re.sub(r"[\x00-\x20\x7f]", "", text).strip("'\"")
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        text = "http://" + text
    scheme, _, rest = text.partition("://")
    return f"{scheme.lower()}://{rest}" + ("" if "/" in rest else "/")


def _file_name(url: str) -> str:
    name = url.partition("://")[2].partition("?")[0].partition("#")[0]
    host, _, path = name.partition("/")
    del host
    return path.rpartition("/")[2] or "index.html"


def _known(host: str) -> None:
    """Say that a host has no address.

    Raises:
        FailedError: it has none.
    """
    if is_unknown(host):
        raise FailedError(f"bad address '{host}'")


def _receive(call: Call, url: str, name: str, tool: str, agent: str | None) -> None:
    """Note an offer and let the file `name` (`-`: standard output) wait for it.

    Raises:
        PathError: the file cannot be made.
    """
    machine = call.machine
    path = None if name == "-" else machine.fs.find(call.path(name))[1]
    machine.offer(url, tool, path, agent, call.process.depth)
    body = machine.bodies.get(url)
    sink: Sink = (
        call.stdout
        if name == "-"
        else call.shell.open_sink(call.path(name), call.process, append=False, how=tool)
    )
    if name != "-":
        sink.waits = url
    elif body is not None:
        sink.write(body)
    else:
        sink.waits = url


def _wget(call: Call) -> int:
    options = call.options("cqSO:o:P:U:Y:T:t:nvNbri:l:pkmHA:R:dx46e:", _WGET_LONG)
    if "version" in options:
        call.write("GNU Wget 1.21.3 built on linux-gnu.\n" if call.gnu else "")
        return 0
    if not options.operands:
        raise UsageError
    agent = options.get("U") or ("Wget/1.21.3" if call.gnu else "Wget")
    status = 0
    for word in options.operands:
        url = web_address(word)
        name = options.get("O") or _file_name(url)
        if "P" in options and name != "-" and "O" not in options:
            name = f"{options.get('P').rstrip('/') or '/'}/{name}"
            _prefix(call, options.get("P"))
        if (host := _unknown_host(url)) is not None:
            call.machine.offer(url, call.name, None, agent, call.process.depth)
            call.complain(_bad_address(call, host))
            status = 4 if call.gnu else 1
            continue
        try:
            _receive(call, url, name, call.name, agent)
        except PathError as error:
            call.complain(
                f"can't open '{name}': {error.reason}" if not call.gnu else f"{name}: {error.reason}"
            )
            status = 1
            continue
        if "q" not in options and "spider" not in options:
            call.say(_wget_talk(call, url, name))
    return status


def _unknown_host(url: str) -> str | None:
    """The host of a URL, when no resolver can know it."""
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    host = host if host.startswith("[") else host.partition(":")[0]
    return host if is_unknown(host) else None


def _bad_address(call: Call, host: str) -> str:
    bash = f"unable to resolve host address ‘{host}’".encode().decode("latin-1")
    return bash if call.gnu else f"bad address '{host}'"


def _prefix(call: Call, name: str) -> None:
    if call.gnu and not call.machine.fs.exists(call.path(name)):
        call.machine.fs.make_directory(call.path(name))


def _size(call: Call, url: str) -> int:
    body = call.machine.bodies.get(url)
    return len(body) if body is not None else call.machine.persona.number(f"size:{url}", 1_200, 98_000)


def _wget_talk(call: Call, url: str, name: str) -> str:
    host, _, _ = url.partition("://")[2].partition("/")
    bare, _, port = host.rpartition("@")[2].partition(":")
    port = port or {"https": "443", "ftp": "21"}.get(url.partition(":")[0], "80")
    size = _size(call, url)
    if call.gnu:
        moment = f"{call.machine.now():%Y-%m-%d %H:%M:%S}"
        return (
            (
                f"--{moment}--  {url}\nConnecting to {bare}:{port}... connected.\nHTTP request sent, awaiting response... 200 OK\n"
                f"Length: {size} ({size / 1024:.0f}K) [application/octet-stream]\nSaving to: ‘{name}’\n\n"
                f"{name:<20.20}100%[===================>] {size / 1024:>7.2f}K  --.-KB/s    in 0.1s\n\n"
                f"{moment} ({size / 102_400:.2f} MB/s) - ‘{name}’ saved [{size}/{size}]\n\n"
            )
            .encode()
            .decode("latin-1")
        )
    shown = f"{size / 1024:>5.0f}k" if size >= 10_240 else f"{size:>6}"
    return f"Connecting to {host} ({bare}:{port})\n{name:<20.20} 100% |*******************************| {shown}  0:00:00 ETA\n"


def _curl(call: Call) -> int:
    options = call.options(
        "o:OA:sSLkfX:d:H:m:u:x:e:IF:T:vVhiqgGNw:b:c:C:K:Z#46r:y:Y:z:Q:P:t:jlMnpRaB:E:012", _CURL_LONG
    )
    if "V" in options:
        call.write("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1\n")
        return 0
    urls = [*options.all("url"), *options.operands]
    if not urls:
        call.say("curl: try 'curl --help' or 'curl --manual' for more information\n")
        return 2
    agent = options.get("A") or "curl/7.88.1"
    outputs = list(options.all("o"))
    for word in urls:
        url = web_address(word)
        name = outputs.pop(0) if outputs else _file_name(url) if "O" in options else "-"
        if "dir" in options and name != "-":
            name = f"{options.get('dir')}/{name}"
        try:
            _receive(call, url, name, call.name, agent)
        except PathError as error:
            call.say(
                f"Warning: Failed to create the file {name}: {error.reason}\ncurl: (23) Failure writing output to destination\n"
            )
            return 23
        if name != "-" and "s" not in options:
            call.say(_curl_talk(call, url))
    return 0


def _curl_talk(call: Call, url: str) -> str:
    size = _size(call, url)
    return (
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        f"\r100 {size:>5}  100 {size:>5}    0     0  {size * 7 % 90_000 + 9_000:>5}      0 --:--:-- --:--:-- --:--:-- {size * 7 % 90_000 + 9_000:>5}\n"
    )


def _remote(host: str, path: str, scheme: str, *, port: str = "", user: str = "") -> str:
    path = re.sub(r"[\x00-\x20\x7f]", "", path)
    return f"{scheme}://{user}{host}{port}/{path.lstrip('/')}"


def _tftp(call: Call) -> int:
    words = call.argv[1:]
    if "-c" in words:
        return _tftp_command(call, words)
    options = call.options("gpl:r:b:m:v46", {"get": "g", "put": "p", "local-file": "l:", "remote-file": "r:"})
    if not options.operands:
        raise UsageError
    host = options.operands[0]
    port = options.operands[1] if len(options.operands) > 1 else ""
    remote = options.get("r") or options.get("l")
    if "p" in options:
        return 0
    if not remote:
        return _tftp_dialogue(call, host)
    name = options.get("l") or remote.rpartition("/")[2]
    return _tftp_get(call, host, remote, name, port)


def _tftp_get(call: Call, host: str, remote: str, name: str, port: str = "") -> int:
    shown = f":{port}" if port.isdigit() and port != "69" else ""
    if ":" in remote and not host:
        host, _, remote = remote.partition(":")
    try:
        _receive(call, _remote(host, remote, "tftp", port=shown), name, call.name, None)
        _known(host)
    except PathError as error:
        raise FailedError(f"can't open '{name}': {error.reason}") from error
    return 0


def _tftp_command(call: Call, words: list[str]) -> int:
    """tftp-hpa: `tftp host [port] -c get remote [local]`."""
    at = words.index("-c")
    before = [
        word
        for word in words[:at]
        if not word.startswith("-") and word not in {"octet", "binary", "ascii", "netascii"}
    ]
    command = words[at + 1 :]
    if not before or len(command) < 2 or command[0] != "get":
        return 0 if before else 1
    local = command[2] if len(command) > 2 else command[1].rpartition("/")[2]
    return _tftp_get(call, before[0], command[1], local, before[1] if len(before) > 1 else "")


def _tftp_dialogue(call: Call, host: str) -> int:
    if call.stdin.interactive:
        raise UsageError
    for line in call.drain(call.stdin).decode("latin-1").split("\n"):
        words = line.split()
        if len(words) > 1 and words[0] == "get":
            _tftp_get(call, host, words[1], words[2] if len(words) > 2 else words[1].rpartition("/")[2])
    return 0


def _ftpget(call: Call) -> int:
    options = call.options(
        "cvu:p:P:", {"continue": "c", "verbose": "v", "username": "u:", "password": "p:", "port": "P:"}
    )
    if len(options.operands) < 2:
        raise UsageError
    host, local = options.operands[0], options.operands[1]
    remote = options.operands[2] if len(options.operands) > 2 else local
    user, port = options.get("u", "anonymous"), options.get("P", "21")
    login = "" if user in {"anonymous", "ftp", ""} else f"{quote(user)}:{quote(options.get('p'))}@"
    try:
        name = "-" if local == "-" else local
        _receive(
            call,
            _remote(host, remote, "ftp", port="" if port == "21" else f":{port}", user=login),
            name,
            call.name,
            None,
        )
    except PathError as error:
        raise FailedError(f"can't open '{local}': {error.reason}") from error
    return 0


def _ftp(call: Call) -> int:
    """ftp(1) fed by a here-document: `open`, `user`, `get`."""
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if words and "://" in words[0]:
        _receive(call, web_address(words[0]), _file_name(words[0]), call.name, None)
        return 0
    if call.stdin.interactive:
        return 0
    host = words[0] if words else ""
    for line in call.drain(call.stdin).decode("latin-1").split("\n"):
        parts = line.split()
        if len(parts) > 1 and parts[0] == "open":
            host = parts[1]
        elif len(parts) > 1 and parts[0] in {"get", "mget", "recv"} and host:
            _receive(call, _remote(host, parts[1], "ftp"), parts[-1].rpartition("/")[2], call.name, None)
    return 0


def _nc(call: Call) -> int:
    options = call.options(
        "lp:w:i:e:f:nvuzkqc:s:t46",
        {
            "listen": "l",
            "port": "p:",
            "exec": "e:",
            "verbose": "v",
            "send-only": "S",
            "recv-only": "R",
            "ssl": "s",
        },
    )
    if "l" in options:
        data = call.drain(call.stdin) if call.stdin.interactive else b""
        call.write(data)
        return 0
    if len(options.operands) < 2:
        if not options.operands:
            raise UsageError
        return 1
    host, port = options.operands[:2]
    if not port.isdigit():
        raise FailedError(f"bad port '{port}'" if not call.gnu else f"port number invalid: {port}")
    if "z" in options:
        return 0
    sent = b"" if call.stdin.interactive else call.drain(call.stdin)
    page = page_asked_for(host, port, sent)
    url = f"tcp://{host}:{port}" if page is None else page.url
    agent = None if page is None else page.user_agent
    call.machine.offer(url, call.name, None, agent, call.process.depth)
    body = call.machine.bodies.get(url)
    if body is not None:
        call.write(body if page is None else page.answer(body))
    else:
        call.stdout.waits = url
    return 0


def _simple_get(call: Call) -> int:
    """lwp-download, axel, fetch, aria2c …: the first URL, `-o` or `-O` names the file."""
    words = call.argv[1:]
    url = name = ""
    for index, word in enumerate(words):
        if word in {"-o", "-O", "--output", "--out"} and index + 1 < len(words):
            name = words[index + 1]
        elif word.startswith(("-o", "--out=")) and len(word) > 2:
            name = word.partition("=")[2] or word[2:]
        elif "://" in word or (re.match(r"[\w.-]+\.[\w-]+/", word) and not url):
            url = url or web_address(word)
        elif url and not name and not word.startswith("-"):
            name = word
    if not url:
        raise UsageError
    to_screen = call.name in {"lynx", "links", "elinks", "w3m", "GET", "lwp-request", "http"} and not name
    _receive(call, url, "-" if to_screen else name or _file_name(url), call.name, _AGENTS.get(call.name))
    return 0


_AGENTS: Final = {
    "lwp-download": "lwp-download/6.67", "GET": "lwp-request/6.67 libwww-perl/6.67", "lwp-request": "lwp-request/6.67 libwww-perl/6.67",
    "axel": "Axel/2.17.11 (Linux)", "fetch": "fetch libfetch/2.0", "aria2c": "aria2/1.36.0",
}  # fmt: skip
_OTHERS: Final = [
    "lwp-download", "fetch", "axel", "aria2c", "GET", "lwp-request", "lynx", "links", "elinks", "w3m",
    "http", "wget2", "uclient-fetch", "ncftpget", "lftpget", "snarf", "puf", "get", "httrack",
]  # fmt: skip


def _scp(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    for word in words[:-1]:
        found = re.fullmatch(r"(?:[^@:/]+@)?([^:/]+):(.+)", word)
        if found:
            call.machine.offer(
                f"sftp://{found[1]}/{found[2].lstrip('/')}",
                call.name,
                call.path(words[-1]),
                None,
                call.process.depth,
            )
    return 1


TABLE: Final[dict[str, Applet]] = {
    "wget": _wget, "curl": _curl, "tftp": _tftp, "atftp": _tftp, "ftpget": _ftpget, "ftp": _ftp, "lftp": _ftp, "nc": _nc,
    "netcat": _nc, "ncat": _nc, "scp": _scp, **dict.fromkeys(_OTHERS, _simple_get),
}  # fmt: skip
