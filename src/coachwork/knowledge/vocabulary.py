"""Lists of words, written as running text so that they can be read and compared. Knows nothing else."""


def in_words(text: str) -> list[str]:
    """The words of `text`."""
    return text.split()
