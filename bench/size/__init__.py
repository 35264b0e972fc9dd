"""Size: what long queues, long histories, many sessions and outages cost; the ground that these cases stand on."""
