"""The conversation of every route that speaks SMTP: lines, the pool that keeps them warm, and sign-in."""
