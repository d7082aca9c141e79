# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - pages stand as they are sent
"""The first pages of web servers: what the distributions install, and what devices show.

Source: the default page of nginx as nginx.org and the distributions ship it; listings of Apache's
mod_autoindex; login pages made after those of such devices.
"""

from __future__ import annotations

from collections.abc import Callable

from mead.sensors.web.software import Site

__all__ = ["Index", "listing", "login_form", "moved", "welcome_to_nginx"]

Index = Callable[[Site], str]

_STYLE = "html { color-scheme: light dark; }\nbody { width: 35em; margin: 0 auto;\nfont-family: Tahoma, Verdana, Arial, sans-serif; }\n"
_OLD_STYLE = "    body {\n        width: 35em;\n        margin: 0 auto;\n        font-family: Tahoma, Verdana, Arial, sans-serif;\n    }\n"


def welcome_to_nginx(site: Site) -> str:
    """The page that every nginx shows until somebody replaces it."""
    style = _STYLE if int(site.version.split(".")[1]) > 20 else _OLD_STYLE
    return f"""<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
{style}</style>
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


def listing(site: Site) -> str:
    """A directory without a first page, as Apache lists it; its address line is filled in later."""
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html>
 <head>
  <title>Index of /</title>
 </head>
 <body>
<h1>Index of /</h1>
  <table>
   <tr><th valign="top"><img src="/icons/blank.gif" alt="[ICO]"></th><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th><th><a href="?C=S;O=A">Size</a></th><th><a href="?C=D;O=A">Description</a></th></tr>
   <tr><th colspan="5"><hr></th></tr>
<tr><td valign="top"><img src="/icons/folder.gif" alt="[DIR]"></td><td><a href="{site.host}/">{site.host}/</a></td><td align="right">{site.installed:%Y-%m-%d %H:%M}  </td><td align="right">  - </td><td>&nbsp;</td></tr>
   <tr><th colspan="5"><hr></th></tr>
</table>
<address>{{server}} Server at {{host}} Port {{port}}</address>
</body></html>
"""


def login_form(title: str, action: str) -> Index:
    """The login page of a device."""

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


def moved(path: str) -> Index:
    """A page that sends a browser on."""

    def page(site: Site) -> str:  # noqa: ARG001 - the same on every install
        return f'<html><head><meta http-equiv="refresh" content="0; url={path}"></head><body></body></html>\n'

    return page
