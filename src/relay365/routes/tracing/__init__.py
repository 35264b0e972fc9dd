"""What Microsoft says of mail that it took: message trace, and the reports that come back to a sending mailbox."""
