# SPDX-License-Identifier: Apache-2.0
"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables and the row that writers hold."""
    op.create_table(
        "applied",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_index", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_applied"),
    )
    op.create_table(
        "artifacts",
        sa.Column("edge", sa.LargeBinary(length=32), nullable=False),
        sa.Column("parent_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("edge", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_parent_sha256_edge", "artifacts", ["parent_sha256", "edge"])
    op.create_index("ix_artifacts_sha256_edge", "artifacts", ["sha256", "edge"])

    op.create_table(
        "findings",
        sa.Column("finding", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("analyser", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=True),
        sa.Column("database", sa.Text(), nullable=True),
        sa.Column("confidence", sa.BigInteger(), nullable=False),
        sa.Column("jail_level", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("finding", name="pk_findings"),
    )
    op.create_index("ix_findings_claim_first_seen", "findings", ["claim", "first_seen"])
    op.create_index("ix_findings_sha256_finding", "findings", ["sha256", "finding"])

    op.create_table(
        "imports",
        sa.Column("origin", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_imports"),
    )
    op.create_table(
        "indicators",
        sa.Column("entry", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("indicator_kind", sa.Text(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("indicator_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("analyser", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_indicators"),
    )
    op.create_index("ix_indicators_indicator_key", "indicators", ["indicator_key"])
    op.create_index("ix_indicators_sha256_entry", "indicators", ["sha256", "entry"])

    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "offers",
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=True),
        sa.Column("tool", sa.Text(), nullable=True),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("src", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("offer", name="pk_offers"),
    )
    op.create_index("ix_offers_last_seen_offer", "offers", ["last_seen", "offer"])
    op.create_index("ix_offers_session", "offers", ["session"])
    op.create_index("ix_offers_state_last_seen", "offers", ["state", "last_seen"])
    op.create_index("ix_offers_url_key", "offers", ["url_key"])

    op.create_table(
        "sample_sources",
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("src", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "src", name="pk_sample_sources"),
    )
    op.create_table(
        "samples",
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sightings", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_samples"),
    )
    op.create_index("ix_samples_first_seen", "samples", ["first_seen"])
    op.create_index("ix_samples_last_seen_sha256", "samples", ["last_seen", "sha256"])

    op.create_table(
        "scans",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=True),
        sa.Column("database", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("jail_level", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", "sequence", "event_index", name="pk_scans"),
    )
    op.create_index("ix_scans_sha256_engine_time", "scans", ["sha256", "engine", "time"])

    op.create_table(
        "sightings",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("src", sa.Text(), nullable=True),
        sa.Column("dst", sa.Text(), nullable=True),
        sa.Column("dst_port", sa.BigInteger(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("offer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("stream", "sequence", "event_index", name="pk_sightings"),
    )
    op.create_index("ix_sightings_session", "sightings", ["session"])
    op.create_index("ix_sightings_sha256_time", "sightings", ["sha256", "time"])
    op.create_index("ix_sightings_src_time", "sightings", ["src", "time"])

    op.create_table(
        "url_bodies",
        sa.Column("edge", sa.LargeBinary(length=32), nullable=False),
        sa.Column("url_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("edge", name="pk_url_bodies"),
    )
    op.create_index("ix_url_bodies_sha256_edge", "url_bodies", ["sha256", "edge"])
    op.create_index("ix_url_bodies_url_key_edge", "url_bodies", ["url_key", "edge"])

    op.create_table(
        "urls",
        sa.Column("url_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("offers", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("url_key", name="pk_urls"),
    )
    op.create_index("ix_urls_host", "urls", ["host"])
    op.create_index("ix_urls_last_seen_url_key", "urls", ["last_seen", "url_key"])
    meta = sa.table("meta", sa.column("key", sa.Text()), sa.column("value", sa.Text()))
    op.bulk_insert(meta, [{"key": "writer", "value": "one at a time"}])
