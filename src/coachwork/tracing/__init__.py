"""What happened: the scope of the running step, spans, and the log."""
