"""Where things are kept: the database behind one URL."""
