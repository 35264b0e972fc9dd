"""One message on trial: written, handed in as a device does, or sent by one road, with every word and its time."""
