"""The durable store: what was answered 250 is here until it is delivered or a person is told."""
