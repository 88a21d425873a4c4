"""What the jobs of kit.py need and do; only the standard library is used here."""
