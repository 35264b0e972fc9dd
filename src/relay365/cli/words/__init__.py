"""What commands share: how they print, count time, filter, ask the service, and tell a message's story."""
