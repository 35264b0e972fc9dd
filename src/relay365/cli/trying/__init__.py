"""Without a tenant and without a device: demo, emulator, drills, measures."""
