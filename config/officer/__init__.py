"""What an officer does on a computer of their own, without cloud and network: make a key, order, sign."""
