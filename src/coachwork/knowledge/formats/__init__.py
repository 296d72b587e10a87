"""One small file a format: bytes in, `Parsed` out."""
