"""The moves on the path of every message: how it comes into the store, and how it is taken out to be sent."""
