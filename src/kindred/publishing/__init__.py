"""Publication: the tables of the room `publishing` as one file, or tables of a database, that apps read."""
