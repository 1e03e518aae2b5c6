"""Traffic APIs, one file each: read a route, patch its weights, generate one."""
