"""Products differ where they should and say nothing that all installs share."""

from __future__ import annotations

from typing import Any

import pytest

from mead.sensors.openssh.versions import VERSIONS
from mead.sensors.persona import Persona
from mead.sensors.web.products import PRODUCTS, Product
from mead.sensors.web.software import Moment


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_two_installs_differ(product: Product, site_of: Any, request_of: Any) -> None:
    request = request_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def shown(seed: int) -> bytes:
        site = site_of(product, seed)
        moment = Moment(site.installed, request, stays=True)
        answer = product.software.write(site, product.first_page(site, moment), moment)
        return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))

    assert len({shown(seed) for seed in range(1, 13)}) > 8


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.distribution)
def test_every_distribution_that_ssh_may_claim_has_a_web_server_of_its_own(version: Any) -> None:
    shipped = [product for product in PRODUCTS if product.of(version.distribution) and not product.embedded]
    assert {product.software.name for product in shipped} == {"nginx", "apache"}


def test_the_version_is_the_one_that_the_distribution_ships() -> None:
    for number in range(120):
        persona = Persona(bytes([number]) * 32)
        site = persona.site(80)
        if persona.product.embedded:
            assert not persona.device.gnu
            assert site.version in persona.product.of("")
        else:
            assert site.version in persona.product.of(persona.ssh.distribution)


def test_a_listing_names_the_host_as_the_peer_does_and_is_no_page_for_others(
    product: Any, site_of: Any, request_of: Any
) -> None:
    apache = product("apache-debian")
    site = site_of(apache)
    request = request_of(b"GET / HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n")
    page = apache.first_page(site, Moment(site.installed, request, stays=True))
    assert b"Server at shop.example Port 80" in (page.body or b"")
    assert apache.has(request)
    assert not apache.has(request_of(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
    assert not apache.has(request_of(b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"))


def test_only_devices_have_something_to_log_in_to() -> None:
    assert all(product.open != product.embedded for product in PRODUCTS)
