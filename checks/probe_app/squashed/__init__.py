"""The migrations of a later version: both in one."""
