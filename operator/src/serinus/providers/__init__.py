"""Sources of metrics: each builds the questions it sends and reads the answers. No I/O: the client is in `shell/`."""
