# SPDX-License-Identifier: Apache-2.0
"""Bodies that an engine has not judged with its present signatures: what a re-scan has to do.

A body that the engine knows already is not asked about again, its time to detection is known. One whose
last scan failed is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Select, Table, and_, exists, func, or_, select, union_all

from mead.store.catalogue import tables

__all__ = ["overdue"]

_JUDGED = ("clean", "skipped", "done")


def overdue(
    connection: Connection,
    engine: str,
    version: str | None,
    database: str | None,
    *,
    since: datetime,
    looked_before: datetime,
    limit: int,
) -> list[str]:
    """Digests of bodies first seen after `since` that the engine owes a scan, the youngest first.

    Only bodies that some analyser looked at before `looked_before`: the others are at their first look.
    """
    bodies = union_all(_seen(tables.samples), _seen(tables.artifacts)).subquery()
    scans = tables.scans.c
    own = and_(scans.sha256 == bodies.c.sha256, scans.engine == engine)
    judged = and_(
        scans.verdict.in_(_JUDGED),
        scans.engine_version.is_not_distinct_from(version),
        scans.database.is_not_distinct_from(database),
    )
    query = (
        select(bodies.c.sha256, func.min(bodies.c.first_seen).label("first"))
        .where(bodies.c.first_seen >= since)
        .where(exists().where(scans.sha256 == bodies.c.sha256).where(scans.time < looked_before))
        .where(~exists().where(and_(own, or_(scans.verdict == "found", judged))))
        .group_by(bodies.c.sha256)
        .order_by(func.min(bodies.c.first_seen).desc())
        .limit(limit)
    )
    return [row.sha256 for row in connection.execute(query)]


def _seen(table: Table) -> Select[tuple[bytes, datetime]]:
    return select(table.c.sha256, table.c.first_seen)
