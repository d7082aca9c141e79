# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables: a row is a line
"""What the web server of a product answers: its headers in their order, its pages, its errors.

Source: the default pages of nginx and Apache as Debian and Ubuntu install them, cut to their visible
text; responses of the embedded servers as nmap's probe file describes them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

from mead.wire.http_response import LENGTH

__all__ = ["PRODUCTS", "Answer", "Product", "Site"]

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Site:
    """What distinguishes this install from all others of the same product."""

    host: str
    installed: datetime
    draw: random.Random
    version: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Product:
    """One web server as it stands on a device or a host."""

    name: str
    weight: int
    system: str
    """Distribution that ships it; empty: a device."""
    server: str
    """Value of `Server`; `{version}` is filled in."""
    versions: tuple[str, ...]
    order: tuple[str, ...]
    """Names of the headers in their order."""
    index: Callable[[Site], str]
    error: str
    """Body of an error; `{status}`, `{reason}`, `{server}`, `{path}` and `{host}` are filled in."""
    realm: str | None = None
    """Realm of Basic authentication; None: open."""
    login: str | None = None
    """Path that a login form posts to; None: no form."""
    fixed: dict[str, str] = field(default_factory=dict)
    """Values of headers that never change."""
    errors_are_short: bool = False
    """Whether error responses leave out the validators."""

    @property
    def embedded(self) -> bool:
        """Whether it stands on a device."""
        return not self.system

    def server_name(self, site: Site) -> str:
        """The value of `Server`."""
        return self.server.replace("{version}", site.version)

    def page(self, site: Site, now: datetime, status: int, body: bytes, extra: Headers) -> Answer:
        """A response with this product's headers around `body`; `extra` come last."""
        values = {
            "Date": _date(now.replace(microsecond=0)),
            "Server": self.server_name(site),
            "Content-Type": "text/html",
            "Last-Modified": _date(site.installed),
            "ETag": f'"{int(site.installed.timestamp()):x}-{len(body):x}"',
            "Accept-Ranges": "bytes",
            "Connection": "close",
            **self.fixed,
        }
        if status != 200:
            values = {name: value for name, value in values.items() if name not in _VALIDATORS}
        headers: Headers = []
        for name in self.order:
            if name == "Content-Length":
                headers.append((b"Content-Length", LENGTH))
            elif name in values:
                headers.append((name.encode(), values[name].encode()))
        return Answer(status, headers + extra, body)

    def fault(self, site: Site, now: datetime, status: int, reason: str, path: str, extra: Headers) -> Answer:
        """An error page."""
        text = self.error
        places = {
            "status": str(status), "reason": reason, "server": self.server_name(site), "path": path,
            "host": site.host, "line": _LINES.get(status, ""),
        }  # fmt: skip
        for name, value in places.items():
            text = text.replace("{" + name + "}", value)
        return self.page(site, now, status, text.encode("utf-8", "replace"), extra)

    def built(self, site: Site) -> datetime:
        """When the firmware or package was made: some time before it was installed."""
        return site.installed - timedelta(days=site.draw.randrange(40, 400))


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


_VALIDATORS = ("Last-Modified", "ETag", "Accept-Ranges")
_LINES = {
    400: "Your browser sent a request that this server could not understand.<br />",
    401: "This server could not verify that you are authorized to access the document requested.",
    403: "You don't have permission to access this resource.",
    404: "The requested URL was not found on this server.",
    405: "The requested method is not allowed for this URL.",
}


def _nginx(site: Site) -> str:  # noqa: ARG001 - the same on every install
    return """<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""


def _apache(site: Site) -> str:
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>Index of /</title>
 </head>
 <body>
<h1>Index of /</h1>
  <table>
   <tr><th valign="top"><img src="/icons/blank.gif" alt="[ICO]"></th><th><a href="?C=N;O=D">Name</a></th><th>\
<a href="?C=M;O=A">Last modified</a></th><th><a href="?C=S;O=A">Size</a></th></tr>
   <tr><th colspan="4"><hr></th></tr>
<tr><td valign="top"><img src="/icons/folder.gif" alt="[DIR]"></td><td><a href="{site.host}/">{site.host}/</a></td>\
<td align="right">{site.installed:%Y-%m-%d %H:%M}  </td><td align="right">  - </td></tr>
   <tr><th colspan="4"><hr></th></tr>
</table>
</body></html>
"""


def _form(title: str, action: str) -> Callable[[Site], str]:
    def page(site: Site) -> str:
        token = f"{site.draw.getrandbits(64):016x}"
        return f"""<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<title>{title}</title><link rel="stylesheet" href="/css/style.css?v={site.version}"></head>
<body><div class="login"><h2>{title}</h2>
<form name="loginform" method="post" action="{action}">
<input type="hidden" name="sessionKey" value="{token}">
<label>Username</label><input type="text" name="username" maxlength="32">
<label>Password</label><input type="password" name="password" maxlength="64">
<input type="submit" value="Login"></form></div></body></html>
"""

    return page


def _moved(path: str) -> Callable[[Site], str]:
    def page(site: Site) -> str:  # noqa: ARG001 - the same on every install
        return f'<html><head><meta http-equiv="refresh" content="0; url={path}"></head><body></body></html>\n'

    return page


_NGINX_ERROR = (
    "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1>"
    "</center>\r\n<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
)
_APACHE_ERROR = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>{status} {reason}</title>\n'
    "</head><body>\n<h1>{reason}</h1>\n<p>{line}</p>\n<hr>\n<address>{server} Server at {host} Port 80"
    "</address>\n</body></html>\n"
)
_PLAIN_ERROR = (
    "<html><head><title>Document Error: {reason}</title></head>\r\n\t\t<body><h2>Access Error: {reason}</h2>"
    "\r\n\t\t</body></html>\r\n\r\n"
)
_BOA_ERROR = (
    "<HTML><HEAD><TITLE>{status} {reason}</TITLE></HEAD>\n<BODY><H1>{status} {reason}</H1>\n"
    "The requested URL was not found on this server.\n</BODY></HTML>\n"
)
_MINI_ERROR = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">\n<html><head><title>{status} {reason}'
    "</title></head>\n<body><h4>{status} {reason}</h4>\nFile not found.\n<hr>\n<address>{server}</address>\n"
    "</body></html>\n"
)
_LIGHTTPD_ERROR = (
    '<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional'
    '//EN"\n         "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n<html>\n <head>\n  <title>'
    "{status} - {reason}</title>\n </head>\n <body>\n  <h1>{status} - {reason}</h1>\n </body>\n</html>\n"
)
_SERVER_FIRST = (
    "Server",
    "Date",
    "Content-Type",
    "Content-Length",
    "Last-Modified",
    "Connection",
    "ETag",
    "Accept-Ranges",
)
_DATE_FIRST = ("Date", "Server", "Last-Modified", "ETag", "Accept-Ranges", "Content-Length", "Content-Type")

PRODUCTS: tuple[Product, ...] = (
    Product("nginx-debian", 12, "Debian", "nginx/{version}", ("1.18.0", "1.22.1", "1.14.2"), _SERVER_FIRST, _nginx, _NGINX_ERROR),
    Product("nginx-ubuntu", 12, "Ubuntu", "nginx/{version} (Ubuntu)", ("1.18.0", "1.24.0", "1.14.0"), _SERVER_FIRST, _nginx, _NGINX_ERROR),
    Product("apache-debian", 10, "Debian", "Apache/{version} (Debian)", ("2.4.57", "2.4.62", "2.4.56", "2.4.38"), _DATE_FIRST, _apache, _APACHE_ERROR),
    Product("apache-ubuntu", 12, "Ubuntu", "Apache/{version} (Ubuntu)", ("2.4.41", "2.4.52", "2.4.58", "2.4.29"), _DATE_FIRST, _apache, _APACHE_ERROR),
    Product("nginx-el", 8, "Enterprise", "nginx/{version}", ("1.14.1", "1.20.1", "1.16.1"), _SERVER_FIRST, _nginx, _NGINX_ERROR),
    Product("apache-el", 12, "Enterprise", "Apache/{version} (CentOS)", ("2.4.6", "2.4.37"), _DATE_FIRST, _apache, _APACHE_ERROR),
    Product(
        "goahead-camera", 12, "", "GoAhead-Webs", ("1.8.2", "1.9.0", "2.1.4"),
        ("Server", "Date", "Content-Type", "Content-Length", "Connection", "Last-Modified"),
        _form("NETSurveillance WEB", "/login.cgi"), _PLAIN_ERROR, login="/login.cgi",
    ),
    Product(
        "boa-router", 10, "", "Boa/{version}", ("0.94.14rc21", "0.94.13", "0.93.15"),
        ("Date", "Server", "Connection", "Content-Length", "Content-Type", "Last-Modified"),
        _form("Wireless Router", "/boafrm/formLogin"), _BOA_ERROR, login="/boafrm/formLogin",
    ),
    Product(
        "mini-httpd-router", 8, "", "mini_httpd/{version}", ("1.19 19dec2003", "1.30 26Oct2018"),
        ("Server", "Date", "Content-Type", "Content-Length", "Connection"),
        _moved("/login.html"), _MINI_ERROR, realm="{host}",
    ),
    Product(
        "lighttpd-gateway", 9, "", "lighttpd/{version}", ("1.4.35", "1.4.45", "1.4.53", "1.4.59"),
        ("Content-Type", "Accept-Ranges", "ETag", "Last-Modified", "Content-Length", "Connection", "Date", "Server"),
        _form("Home Gateway", "/cgi-bin/luci"), _LIGHTTPD_ERROR, login="/cgi-bin/luci",
    ),
)  # fmt: skip
