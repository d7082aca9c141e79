# SPDX-License-Identifier: Apache-2.0
"""The vocabulary: events, their catalogue and their encoding, artifacts, findings, addresses."""
