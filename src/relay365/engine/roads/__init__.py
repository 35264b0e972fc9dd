"""Which lane: for mail that comes in, for mail that a shut lane hands over, and for what a lane can never carry."""
