"""Measurements: ours and the limit in one run, interleaved. One file each."""
