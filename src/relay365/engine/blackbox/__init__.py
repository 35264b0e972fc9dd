"""The black box: the last sessions of each client as transcripts without secrets, beside the path of the mail."""
