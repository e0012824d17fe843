"""The one training engine: every model, operator, masking and loss goes through it."""
