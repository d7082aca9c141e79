# SPDX-License-Identifier: Apache-2.0
"""Puts the parts together as processes: sensor, hub, worker, or all of them on one machine."""
