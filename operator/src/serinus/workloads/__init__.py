"""What is rolled out: sources of pod templates (one plug-in a file), and the objects that Serinus makes from them."""
