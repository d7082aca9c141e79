"""Products differ where they should and say nothing that all installs share."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from mead.sensors.web.products import PRODUCTS, Product, Site

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def site(product: Product, seed: int) -> Site:
    installed = datetime(2025, 1 + seed % 12, 1, tzinfo=UTC)
    draw = random.Random(seed)
    return Site(f"host{seed}", installed, draw, draw.choice(product.versions))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_page_and_an_error_are_whole(product: Product) -> None:
    one = site(product, 1)
    page = product.page(one, NOW, 200, product.index(one).encode(), [])
    assert b"</html>" in page.body.lower()
    names = [name.decode() for name, _ in page.headers]
    assert names == [name for name in product.order if name in names]
    error = product.fault(one, NOW, 404, "Not Found", "/x", [(b"X-Extra", b"1")])
    assert error.headers[-1] == (b"X-Extra", b"1")
    assert b"Not Found" in error.body
    assert b"{" not in error.body.replace(b"{ ", b"")
    assert (b"ETag" in dict(error.headers)) is False


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_two_installs_differ(product: Product) -> None:
    def shown(seed: int) -> tuple[object, bytes]:
        one = site(product, seed)
        answer = product.page(one, NOW, 200, product.index(one).encode(), [])
        return tuple(answer.headers), answer.body

    assert len({shown(seed) for seed in range(12)}) > 1


def test_every_distribution_that_ssh_may_claim_has_a_web_server() -> None:
    assert {product.system for product in PRODUCTS} == {"", "Debian", "Ubuntu", "Enterprise"}
