"""What can be wrong with a data file.

Every error is a `DataError`, so that one `except` catches them all, and also the built-in
exception that a Python programmer expects in its place.
"""


class DataError(Exception):
    """A data file cannot be used."""


class MissingDataError(DataError, FileNotFoundError):
    """A file or folder of data does not exist."""


class UnreadableDataError(DataError, OSError):
    """The operating system refuses to read a file that exists."""


class ChecksumError(DataError, ValueError):
    """A file of the embedded data differs from the one that was published."""


class DataFormatError(DataError, ValueError):
    """The content of a file is not what its kind promises."""


class HubUnreachableError(DataError, ConnectionError):
    """The Hugging Face hub does not answer."""
