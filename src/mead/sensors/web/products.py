# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables: a row is a line
"""The web servers that a host may have: the program, the version that its distribution ships, its page.

Source: package lists of the distributions; responses of devices as nmap's probe file describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mead.sensors.web.pages import Index, listing, login_form, moved, welcome_to_nginx
from mead.sensors.web.servers import APACHE, BOA, GOAHEAD, LIGHTTPD, MINI_HTTPD, NGINX
from mead.sensors.web.software import Moment, Page, Site, Software
from mead.wire.http import HttpRequest

__all__ = ["PRODUCTS", "Product"]


@dataclass(frozen=True, slots=True)
class Product:
    """One web server as it stands on a device or a host."""

    name: str
    weight: int
    software: Software
    versions: Mapping[str, tuple[str, ...]]
    """Versions by the distribution that ships them (as its name begins); an empty name: a device."""
    index: Index
    realm: str | None = None
    """Realm of Basic authentication; None: open."""
    login: str | None = None
    """Path that a login form posts to; None: no form."""
    lists: bool = False
    """Whether its first page is a listing that the program makes."""

    @property
    def embedded(self) -> bool:
        """Whether it stands on a device."""
        return "" in self.versions

    @property
    def open(self) -> bool:
        """Whether there is nothing to log in to."""
        return self.realm is None and self.login is None

    def of(self, distribution: str) -> tuple[str, ...]:
        """The versions that this distribution ships, none when it is not of it."""
        return next((shipped for name, shipped in self.versions.items() if distribution.startswith(name)), ())

    def has(self, request: HttpRequest) -> bool:
        """Whether there is a page for this request."""
        if self.lists:
            return request.path == b"/" and request.method in {b"GET", b"HEAD"}
        return request.path in {b"/", b"/index.html", (self.login or "/").encode()}

    def first_page(self, site: Site, moment: Moment) -> Page:
        """What stands at `/`."""
        text = self.index(site)
        if not self.lists:
            return Page(200, text.encode())
        for name, value in (
            ("server", self.software.server_name(site)), ("host", moment.host or site.own_name),
            ("port", str(site.port)),
        ):  # fmt: skip
            text = text.replace("{" + name + "}", value.replace("<", "&lt;"))
        head = moment.request is not None and moment.request.method == b"HEAD"
        vary = () if head else ((b"Vary", b"Accept-Encoding"),)
        return Page(200, text.encode("utf-8", "replace"), vary, kind="text/html;charset=UTF-8", made=True)


def _named(software: Software, server: str) -> Software:
    return replace(software, server=server)


PRODUCTS: tuple[Product, ...] = (
    Product("nginx-debian", 12, NGINX, {"Debian GNU/Linux 12": ("1.22.1",), "Debian GNU/Linux 11": ("1.18.0",), "Debian GNU/Linux 10": ("1.14.2",)}, welcome_to_nginx),
    Product("nginx-ubuntu", 12, _named(NGINX, "nginx/{version} (Ubuntu)"), {"Ubuntu 24": ("1.24.0",), "Ubuntu 22": ("1.18.0",), "Ubuntu 20": ("1.18.0",), "Ubuntu 18": ("1.14.0",)}, welcome_to_nginx),
    Product("apache-debian", 10, _named(APACHE, "Apache/{version} (Debian)"), {"Debian GNU/Linux 12": ("2.4.57", "2.4.59", "2.4.61", "2.4.62"), "Debian GNU/Linux 11": ("2.4.54", "2.4.56", "2.4.62"), "Debian GNU/Linux 10": ("2.4.38",)}, listing, lists=True),
    Product("apache-ubuntu", 12, _named(APACHE, "Apache/{version} (Ubuntu)"), {"Ubuntu 24": ("2.4.58",), "Ubuntu 22": ("2.4.52",), "Ubuntu 20": ("2.4.41",), "Ubuntu 18": ("2.4.29",)}, listing, lists=True),
    Product("nginx-el", 8, NGINX, {"CentOS": ("1.20.1",), "AlmaLinux": ("1.14.1",)}, welcome_to_nginx),
    Product("apache-el", 12, _named(APACHE, "Apache/{version} (CentOS)"), {"CentOS": ("2.4.6",)}, listing, lists=True),
    Product("apache-alma", 12, _named(APACHE, "Apache/{version} (AlmaLinux)"), {"AlmaLinux": ("2.4.37",)}, listing, lists=True),
    Product("goahead-camera", 12, GOAHEAD, {"": ("1.8.2", "1.9.0", "2.1.4")}, login_form("NETSurveillance WEB", "/login.cgi"), login="/login.cgi"),
    Product("boa-router", 10, BOA, {"": ("0.94.14rc21", "0.94.13", "0.93.15")}, login_form("Wireless Router", "/boafrm/formLogin"), login="/boafrm/formLogin"),
    Product("mini-httpd-router", 8, MINI_HTTPD, {"": ("1.19 19dec2003", "1.30 26Oct2018")}, moved("/login.html"), realm="{host}"),
    Product("lighttpd-gateway", 9, LIGHTTPD, {"": ("1.4.35", "1.4.45", "1.4.53", "1.4.55")}, login_form("Home Gateway", "/cgi-bin/luci"), login="/cgi-bin/luci"),
)  # fmt: skip
