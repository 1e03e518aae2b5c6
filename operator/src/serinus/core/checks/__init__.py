"""A check turns the looks of one SLI into evidence, one look at a time."""
