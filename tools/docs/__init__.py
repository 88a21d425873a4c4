"""What makes the documentation: generated pages, the site's one large file, pictures."""
