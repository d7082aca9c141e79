# SPDX-License-Identifier: Apache-2.0
"""Sensors: the driver, who it pretends to be, what it keeps, and the services that attackers reach."""
