"""The edge: runs one cabinet by itself."""
