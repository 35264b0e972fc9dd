"""PowerShell as we write it: literals, a strict reader of that subset, and a checker against documented cmdlets."""
