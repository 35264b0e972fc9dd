"""The PowerShell scripts that an administrator runs, and those that take everything back."""
