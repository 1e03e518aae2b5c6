"""One statistical method per file: formula, parameters, an example with exact numbers, and where it comes from."""
