"""The Microsoft Graph road: HTTPS requests of one application, and mail as sendMail or as a draft with attachments."""
