"""The pages for residents: their order, and where a cabinet's QR leads.

Rendered on the server, complete without JavaScript; the script only makes them live.
"""

from cloud.pages.routes import routes

__all__ = ["routes"]
