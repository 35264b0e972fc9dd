"""The one case in which a body is touched: a part that cannot travel as it is."""
