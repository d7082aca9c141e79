"""First pages are whole and follow the version of their program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mead.sensors.web.pages import listing, login_form, moved, welcome_to_nginx
from mead.sensors.web.software import Site


@pytest.fixture
def site(site_of: Any, product: Any) -> Site:
    return site_of(product("goahead-camera"))  # type: ignore[no-any-return] # a fixture's


def test_nginx_changed_its_page_and_so_do_we(site: Site) -> None:
    assert len(welcome_to_nginx(replace(site, version="1.22.1"))) == 615
    assert len(welcome_to_nginx(replace(site, version="1.18.0"))) == 612


def test_a_login_form_posts_to_its_path_and_has_a_token_of_its_own(site: Site) -> None:
    form = login_form("Router", "/go")
    assert 'action="/go"' in form(site)
    assert form(site) != form(site)


def test_a_listing_and_a_forwarding_page_are_whole(site: Site) -> None:
    assert f'<a href="{site.host}/">' in listing(site)
    assert "url=/there" in moved("/there")(site)
