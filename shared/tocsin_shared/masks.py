"""What stands in answers for a value that is not shown. Sent back, it keeps the stored value."""

from typing import Final

#: For the secrets of connections and settings; a secret that is empty shows as empty.
MASK: Final = "********"
#: For the value of a variable that is a secret.
VARIABLE_MASK: Final = "\u2022" * 8
