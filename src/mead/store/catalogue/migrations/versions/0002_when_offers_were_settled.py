# SPDX-License-Identifier: Apache-2.0
"""When an offer's outcome was, so that the order of arrival does not matter; sightings by their time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty for offers that were settled before, and the index that forgetting needs."""
    op.add_column("offers", sa.Column("outcome_time", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_sightings_time", "sightings", ["time"])
