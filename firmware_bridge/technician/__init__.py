"""What a technician types at a cabinet, one file per command.

``open`` is the only command that moves something, by one pulse of the driver; ``commission`` uses the same.
Nothing here knows a frame: what the drivers cannot send, no command can.
"""
