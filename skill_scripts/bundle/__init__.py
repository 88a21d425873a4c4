"""What a staged bundle consists of."""
