"""Tables as people export them: every dialect of CSV and JSON, and the logs of other meters, as one kind of sheet."""
