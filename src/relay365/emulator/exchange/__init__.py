"""Exchange Online's side: SMTP AUTH client submission."""
