"""Files of delimited fields, a line for each interaction."""
