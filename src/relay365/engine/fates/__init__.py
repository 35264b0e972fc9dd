"""What becomes of mail after Microsoft took it: when to ask, whom, and how the answer joins the queue's history."""
