"""The only code that awaits: it watches, reads, measures, writes and tells."""
