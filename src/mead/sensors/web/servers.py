# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - wording of the programs
"""The web server programs, each as it answers with its default configuration.

Source: observed: nginx 1.22.1, Apache 2.4.71, lighttpd 1.4.69 and mini_httpd 1.30 of Debian 12, compared
again by `tests/sensors/web/test_servers.py` where they are installed; Boa 0.94 `response.c`; GoAhead 2.5
`webs.c` and `default.c`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from mead.sensors.web.judging import (
    bad_escape,
    bad_framing,
    climbs,
    major_version,
    no_host,
    too_long,
)
from mead.sensors.web.software import Moment, Page, Site, Software, asks_to_stay
from mead.wire.http import HttpRequest

__all__ = ["APACHE", "BOA", "GOAHEAD", "LIGHTTPD", "MINI_HTTPD", "NGINX", "plain_to_tls"]

_READING = frozenset({b"GET", b"HEAD"})
_COMMON = frozenset({b"GET", b"HEAD", b"POST"})
_UPPER = re.compile(rb"[A-Z_-]+")
_BAD = Page(400, closes=True)


def _always(moment: Moment) -> Mapping[str, str]:
    return {"Connection": "keep-alive" if moment.stays else "close"}


def _closing(moment: Moment) -> Mapping[str, str]:  # noqa: ARG001 - says the same of every answer
    return {"Connection": "close"}


# nginx


def _nginx(request: HttpRequest, site: Site, there: bool) -> Page | None:  # noqa: ARG001 - a judge
    if major_version(request) > 1:
        return Page(505, closes=True) if request.target.startswith(b"/") else _BAD
    long = too_long(request)
    if long:
        return Page(414, closes=True) if long == "line" else _COOKIE
    absolute = request.target.lower().startswith((b"http://", b"https://"))
    odd = not _UPPER.fullmatch(request.method) or not (absolute or request.target.startswith(b"/"))
    if odd or no_host(request) or bad_framing(request):
        return _BAD
    if bad_escape(request) or b"%00" in request.path or climbs(request):
        return _BAD
    if request.method == b"TRACE":
        return Page(405, closes=True)
    if not there:
        return Page(404)
    return None if request.method in _READING else Page(405)


def _nginx_400(what: str) -> Page:
    return Page(400, closes=True, title=f"400 {what}", line=f"<center>{what}</center>\r\n")


_COOKIE = _nginx_400("Request Header Or Cookie Too Large")
_TO_TLS = _nginx_400("The plain HTTP request was sent to HTTPS port")

NGINX = Software(
    name="nginx",
    server="nginx/{version}",
    order=("Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection", "*", "ETag", "Accept-Ranges"),
    fault_order=("Server", "Date", "Content-Type", "Content-Length", "Connection", "*"),
    judge=_nginx,
    connection=_always,
    fault="<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n{line}<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n",
    reasons={405: "Not Allowed", 413: "Request Entity Too Large", 414: "Request-URI Too Large", 302: "Moved Temporarily"},
    simple=True,
    hasty=True,
)  # fmt: skip

# Apache

_KNOWN = frozenset({b"PUT", b"DELETE", b"CONNECT", b"PATCH", b"PROPFIND", b"PROPPATCH", b"MKCOL", b"COPY", b"MOVE", b"LOCK", b"UNLOCK"})  # fmt: skip


def _apache(request: HttpRequest, site: Site, there: bool) -> Page | None:
    long = too_long(request)
    if long:
        line = long == "line"
        return Page(414 if line else 400, closes=True, line="" if line else _FIELD, unread=True)
    if len(request.headers) > 100:
        return Page(400, closes=True, line=_FIELDS, unread=True)
    star = request.target == b"*"
    if (star and request.method != b"OPTIONS") or no_host(request) or bad_escape(request) or climbs(request):
        return _BAD
    if not request.complete:
        return _BAD
    if bad_framing(request) and request.header(b"transfer-encoding") is None:
        return Page(400, closes=True, unread=True)
    allow = ((b"Allow", ",".join(site.methods).encode()),)
    if request.method == b"OPTIONS":
        return Page(200, b"", () if star else allow, made=True, kind="" if star else "httpd/unix-directory")
    if request.method == b"TRACE":
        return Page(405, headers=((b"Allow", b""),))
    if request.method in _KNOWN:
        return Page(405, headers=allow)
    if request.method not in _COMMON:
        return Page(501, headers=allow, closes=True)
    return None if there else Page(404, line="" if _newer(site) else _NOT_FOUND)


def _newer(site: Site) -> bool:
    """Whether its error pages no longer repeat the URL (since 2.4.39)."""
    return int(site.version.rpartition(".")[2]) >= 39


def _persistent(moment: Moment) -> Mapping[str, str]:
    if not moment.stays:
        return {"Connection": "close"}
    if asks_to_stay(moment.request):
        return {"Keep-Alive": f"timeout=5, max={max(0, 101 - moment.number)}", "Connection": "Keep-Alive"}
    return {}


_FIELD = "Your browser sent a request that this server could not understand.<br />\nSize of a request header field exceeds server limit."
_FIELDS = "Your browser sent a request that this server could not understand.<br />\nThe number of request header fields exceeds this server's limit."
_NOT_FOUND = "The requested URL {path} was not found on this server."
_SPEAKS_PLAIN = (
    "Your browser sent a request that this server could not understand.<br />\n"
    "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n"
    " Instead use the HTTPS scheme to access this URL, please.<br />\n"
)

APACHE = Software(
    name="apache",
    server="Apache/{version}",
    order=("Date", "Server", "Last-Modified", "ETag", "Accept-Ranges", "Vary", "Content-Encoding", "Content-Length", "Keep-Alive", "Connection", "*", "Content-Type"),
    fault_order=("Date", "Server", "*", "Content-Encoding", "Content-Length", "Keep-Alive", "Connection", "Content-Type"),
    judge=_apache,
    connection=_persistent,
    fault='<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>{status} {reason}</title>\n</head><body>\n<h1>{reason}</h1>\n<p>{line}</p>\n<hr>\n<address>{server} Server at {host} Port {port}</address>\n</body></html>\n',
    lines={
        400: "Your browser sent a request that this server could not understand.<br />\n",
        401: "This server could not verify that you\nare authorized to access the document\nrequested.  Either you supplied the wrong\ncredentials (e.g., bad password), or your\nbrowser doesn't understand how to supply\nthe credentials required.",
        403: "You don't have permission to access this resource.",
        404: "The requested URL was not found on this server.",
        405: "The requested method {method} is not allowed for this URL.",
        414: "The requested URL's length exceeds the capacity\nlimit for this server.<br />\n",
        501: "{method} not supported for current URL.<br />\n",
    },
    reasons={414: "Request-URI Too Long", 413: "Request Entity Too Large", 302: "Found"},
    fault_type="text/html; charset=iso-8859-1",
    fixed={"Vary": "Accept-Encoding"},
    etag=lambda site, size: f'"{size:x}-{int(site.installed.timestamp() * 1_000_000):x}"',
    simple=True,
    deflates=True,
)  # fmt: skip

# lighttpd


def _lighttpd(request: HttpRequest, site: Site, there: bool) -> Page | None:  # noqa: ARG001 - a judge
    if major_version(request) > 1:
        return Page(505, closes=True, protocol=b"HTTP/1.0")
    odd = request.method == b"CONNECT" or b"%00" in request.path
    if odd or no_host(request) or bad_framing(request):
        return _BAD
    if request.method == b"OPTIONS":
        return Page(200, b"", ((b"Allow", b"OPTIONS, GET, HEAD, POST"),), made=True, kind="")
    if request.method in {b"TRACE", b"PROPFIND"}:
        return Page(501)
    if request.method not in _COMMON and request.method not in _KNOWN:
        return Page(501, closes=True)
    return None if there and request.method in _COMMON else Page(404)


def _seldom(moment: Moment) -> Mapping[str, str]:
    old = moment.request is not None and moment.request.version == b"1.0"
    return {} if moment.stays and not old else _always(moment)


LIGHTTPD = Software(
    name="lighttpd",
    server="lighttpd/{version}",
    order=("Content-Type", "Accept-Ranges", "ETag", "Last-Modified", "*", "Content-Length", "Connection", "Date", "Server"),
    fault_order=("*", "Content-Type", "Content-Length", "Connection", "Date", "Server"),
    judge=_lighttpd,
    connection=_seldom,
    fault='<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n         "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n <head>\n  <title>{status} {reason}</title>\n </head>\n <body>\n  <h1>{status} {reason}</h1>\n </body>\n</html>\n',
    protocol=b"",
    garbage_protocol=b"HTTP/1.0",
    etag=lambda site, size: f'"{int(site.installed.timestamp()) * 2654435761 % (1 << 32) ^ size}"',
    after_body=False,
)  # fmt: skip

# mini_httpd


def _mini(request: HttpRequest, site: Site, there: bool) -> Page | None:  # noqa: ARG001 - a judge
    if request.target.lower().startswith(b"http:"):
        return Page(400, closes=True, line="Bad filename.")
    method = request.method.upper()
    if method not in _COMMON and method not in {b"PUT", b"DELETE"}:
        return Page(501)
    if not there:
        return Page(404)
    return None if method in _READING else Page(501)


MINI_HTTPD = Software(
    name="mini_httpd",
    server="mini_httpd/{version}",
    order=("Server", "Date", "*", "Content-Type", "Content-Length", "Last-Modified", "Connection"),
    fault_order=("Server", "Date", "Cache-Control", "*", "Content-Type", "Connection"),
    judge=_mini,
    connection=_closing,
    fault='<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">\n\n<html>\n\n  <head>\n    <meta http-equiv="Content-type" content="text/html;charset=UTF-8">\n    <title>{status} {reason}</title>\n  </head>\n\n  <body bgcolor="#cc9999" text="#000000" link="#2020ff" vlink="#4040cc">\n\n    <h4>{status} {reason}</h4>\n{line}\n    <hr>\n\n    <address><a href="http://www.acme.com/software/mini_httpd/">{server}</a></address>\n\n  </body>\n\n</html>\n',
    lines={400: "Can't parse request.", 401: "Authorization required.", 404: "File not found.", 501: "That method is not implemented."},
    reasons={200: "Ok"},
    protocol=b"",
    garbage_protocol=b"(null)",
    persists=False,
    page_type="text/html; charset=UTF-8",
    fault_type="text/html; charset=%s",
    fixed={"Cache-Control": "no-cache,no-store"},
)  # fmt: skip

# Boa


def _boa(request: HttpRequest, site: Site, there: bool) -> Page | None:  # noqa: ARG001 - a judge
    if request.method not in _COMMON:
        return Page(501, closes=True)
    if not request.complete or not request.target.startswith(b"/") or climbs(request):
        return _BAD
    return None if there else Page(404)


def _asked(moment: Moment) -> Mapping[str, str]:
    if moment.stays and asks_to_stay(moment.request):
        return {"Connection": "Keep-Alive", "Keep-Alive": f"timeout=10, max={max(0, 1001 - moment.number)}"}
    return {"Connection": "close"}


BOA = Software(
    name="boa",
    server="Boa/{version}",
    order=("Date", "Server", "Connection", "Keep-Alive", "*", "Content-Length", "Last-Modified", "Content-Type"),
    fault_order=("Date", "Server", "Connection", "Keep-Alive", "*", "Content-Type"),
    judge=_boa,
    connection=_asked,
    fault="<HTML><HEAD><TITLE>{status} {reason}</TITLE></HEAD>\n<BODY><H1>{status} {reason}</H1>\n{line}\n</BODY></HTML>\n",
    lines={
        400: "Your client has issued a malformed or illegal request.",
        401: "Your client does not have permission to get URL {path} from this server.",
        404: "The requested URL {path} was not found on this server.",
        501: "POST to non-script is not supported in Boa.",
    },
    protocol=b"1.0",
    garbage_protocol=b"HTTP/1.0",
    if_asked=True,
    simple=True,
)  # fmt: skip

# GoAhead


def _goahead(request: HttpRequest, site: Site, there: bool) -> Page | None:  # noqa: ARG001 - a judge
    if request.method not in _COMMON or not request.complete:
        return Page(400, closes=True, line="Bad request type")
    return None if there else Page(404)


def _local(moment: datetime) -> str:
    return f"{moment:%a %b} {moment.day:2} {moment:%H:%M:%S %Y}"


GOAHEAD = Software(
    name="goahead",
    server="GoAhead-Webs",
    order=("Server", "Date", "*", "Last-modified", "Content-length", "Content-type"),
    fault_order=("Server", "Date", "*", "Pragma", "Cache-Control", "Content-Type"),
    judge=_goahead,
    connection=lambda moment: {},  # noqa: ARG005 - says nothing of it
    fault="<html><head><title>Document Error: {reason}</title></head>\r\n\t\t<body><h2>Access Error: {reason}</h2>\r\n\t\t<p>{line}</p></body></html>\r\n\r\n",
    lines={400: "Bad request type", 401: "Access to this document requires a password", 404: "Cannot open URL {path}"},
    reasons={400: "Page not found", 404: "Site or Page Not Found", 405: "Access Denied"},
    protocol=b"1.0",
    garbage_protocol=b"HTTP/1.0",
    persists=False,
    fixed={"Pragma": "no-cache", "Cache-Control": "no-cache"},
    date=_local,
)  # fmt: skip


def plain_to_tls(software: Software) -> Page | None:
    """What is said on a TLS port to a request that is not encrypted; None: nothing, it hangs up."""
    return {NGINX.name: _TO_TLS, APACHE.name: Page(400, closes=True, line=_SPEAKS_PLAIN)}.get(software.name)
