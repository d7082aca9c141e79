# SPDX-License-Identifier: Apache-2.0
"""How Alembic runs the migrations: on the connection that `mead.store.catalogue.database` hands over.

Alembic executes this file within a migration; imported otherwise it does nothing.
"""

from __future__ import annotations

from alembic import context

from mead.store.catalogue.tables import metadata

__all__: list[str] = []

if hasattr(context, "config"):
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
    )
    context.run_migrations()
