"""What may be called from where a task runs.

A controller stands where others can't: what it may reach, a job's author need not be allowed to. So addresses of the
controller's own host, of its own link and of the services that tell clouds' machines their secrets are refused there,
unless the operator allows them. An agent refuses nothing until its owner says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

from tocsin_shared.network.literals import Address, literal_address, plain_name
from tocsin_shared.network.places import Places
from tocsin_shared.network.ranges import forms_of, groups_of

ReachDefault = Literal["all", "guarded", "public", "none"]

_DANGEROUS: Final = frozenset({"loopback", "link-local", "metadata", "multicast"})
#: The kinds of address that each default refuses; `none` refuses the rest as well.
_REFUSED: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset(),
    "guarded": _DANGEROUS,
    "public": _DANGEROUS | {"private", "reserved"},
    "none": _DANGEROUS,
}
#: Names of what the table of addresses refuses, told apart when a job is saved and nothing is looked up yet.
_REFUSED_NAMES: Final = ("localhost", "metadata", "metadata.google.internal")


@dataclass(frozen=True)
class Reach:
    """What may be called: `deny` says what never, `allow` what although the default refuses it.

    Made of plain texts, so that it can be handed to another process as it is.
    """

    #: `all`; `guarded`: all but this host, its link and its cloud's metadata; `public`: the internet alone; `none`.
    default: ReachDefault = "all"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for what can't be read."""
        if self.default not in get_args(ReachDefault):
            raise ValueError(f"'{self.default}' is none of {', '.join(get_args(ReachDefault))}")
        _ = (self._allowed, self._denied)

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing is refused, so that nothing need be looked up."""
        return self.default == "all" and not self.deny

    def refusal(self, host: str) -> str | None:
        """Why this host may not be called, as far as its name tells; None when its addresses decide."""
        name = plain_name(host)
        address = literal_address(name)
        if address is not None:
            return self.judge(host, address)
        if (entry := self._denied.entry_for_name(name)) is not None:
            return _refused(host, f"the network policy denies '{entry}'")
        if self._allowed.entry_for_name(name) is not None or self._allowed.networks:
            return None
        if self.default == "none":
            return _refused(host, "the network policy does not list it")
        is_own = name in _REFUSED_NAMES or name.endswith(".localhost")
        if is_own and self.default != "all":
            return _refused(host, "it is this host itself, or its cloud's metadata")
        return None

    def judge(self, host: str, address: Address) -> str | None:
        """Why a connection to this address, which `host` stands for, may not be made; None when it may."""
        forms = forms_of(address)
        if (entry := self._denied.entry_for_name(host)) is not None:
            return _refused(host, f"the network policy denies '{entry}'")
        shown = f"{host} ({address})" if plain_name(host) != str(address) else host
        for form in forms:
            if (entry := self._denied.entry_for(form)) is not None:
                return _refused(shown, f"the network policy denies '{entry}'")
        if self._allowed.entry_for(forms[-1]) is not None:
            return None
        groups = groups_of(address)
        is_named = self._allowed.entry_for_name(host) is not None
        # A name is its owner's word for where it leads. It leads nowhere that hands out a machine's secrets.
        if is_named and "metadata" not in groups:
            return None
        if hit := sorted(groups & _REFUSED[self.default]):
            return _refused(shown, f"the network policy refuses {hit[0]} addresses")
        if self.default == "none":
            return _refused(shown, "the network policy does not list it")
        return None

    @cached_property
    def _allowed(self) -> Places:
        return Places.of(self.allow)

    @cached_property
    def _denied(self) -> Places:
        return Places.of(self.deny)


#: What a controller may reach when its operator says nothing else.
GUARDED: Final = Reach("guarded")


def _refused(what: str, why: str) -> str:
    return f"{what[:200]} may not be called: {why}."
