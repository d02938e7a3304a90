"""A whole neighbourhood on one machine: every program a process of its own, under one supervisor."""
