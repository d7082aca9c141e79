# SPDX-License-Identifier: Apache-2.0
"""Analysers that look at the bytes of one body; none of them imports another."""
