"""Turns bytes, registers and pins into doors, codes and temperatures; knows nothing of orders."""
