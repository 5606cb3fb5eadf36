"""What a person or a script reads: printed levels, tables and JSON."""
