"""The service: plans and watches many cabinets."""
