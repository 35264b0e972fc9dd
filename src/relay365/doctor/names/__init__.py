"""Questions to DNS: what a name server says of our domains and of our address."""
