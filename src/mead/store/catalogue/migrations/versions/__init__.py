# SPDX-License-Identifier: Apache-2.0
"""The scripts, one per change of the schema."""
