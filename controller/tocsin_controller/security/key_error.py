"""What is wrong with encryption keys. Apart from what encrypts: commands that need no keys start quickly."""


class EncryptionKeyError(Exception):
    """The encryption keys can't be used with this database; the message is one line that says what to do."""
