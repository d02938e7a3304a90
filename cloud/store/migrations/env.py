"""How alembic runs here: on the connection that ``open_store`` hands over, in its transaction."""

from alembic import context

from cloud.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
