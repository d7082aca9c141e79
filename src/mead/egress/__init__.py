# SPDX-License-Identifier: Apache-2.0
"""The only way out: what may be contacted, and the fetchers that do it.

`policy` holds the settings, `target` reads hostile URLs, `addresses` knows which addresses are nobody's
business, `gate` decides, `fetch` gets one body, `follow` tries again and says what happened as events.
"""
