"""Settled before anything runs: cabinet files, settings, and what cabinet and cloud have agreed to say."""
