# SPDX-License-Identifier: Apache-2.0
"""What was seen, kept: bodies by their digest, events as Parquet segments, a catalogue in SQL."""
