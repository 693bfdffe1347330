"""Errors of data files.

Every error is a `DataError`, so that one `except` catches all of them, and also a subclass of the
matching built-in exception.
"""


class DataError(Exception):
    """A data file cannot be used."""


class MissingDataError(DataError, FileNotFoundError):
    """A file or folder of data does not exist."""


class UnreadableDataError(DataError, OSError):
    """The operating system cannot read an existing file."""


class ChecksumError(DataError, ValueError):
    """The checksum of an embedded data file is wrong."""


class DataFormatError(DataError, ValueError):
    """The content of a file does not have the expected format."""


class HubUnreachableError(DataError, ConnectionError):
    """The Hugging Face hub does not answer."""
