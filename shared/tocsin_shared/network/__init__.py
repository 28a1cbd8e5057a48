"""Which addresses may be called from somewhere: kinds of address, and what a policy says of them. Pure."""

from tocsin_shared.network.literals import Address, Network, literal_address
from tocsin_shared.network.ranges import GROUPS, forms_of, groups_of
from tocsin_shared.network.reach import GUARDED, Reach

__all__ = ["GROUPS", "GUARDED", "Address", "Network", "Reach", "forms_of", "groups_of", "literal_address"]
