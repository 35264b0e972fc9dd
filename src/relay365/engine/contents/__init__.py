"""Contents on their way in: repaired, measured, recognised when they come twice."""
