"""What cabinet and cloud have agreed to say to each other, version 1."""

VERSION = 1
