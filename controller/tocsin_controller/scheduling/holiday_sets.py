"""Public holidays, from the `holidays` library: which sets there are, and which days of a year they hold.

The library is loaded when it is first needed: it takes a moment, and most installations have no holiday sets.
"""

from functools import lru_cache

from tocsin_controller.scheduling.calendar_days import day_of

#: Country and part of it, as the library calls them.
SetKey = tuple[str, str | None]

#: Years for which the library is asked; before and after there are no holidays.
FIRST_YEAR, LAST_YEAR = 1970, 2150


@lru_cache(maxsize=4096)
def names_in_year(key: SetKey, year: int) -> dict[int, str]:
    """The holidays of a year with their names, by days since 1970. Takes milliseconds the first time."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return {}
    import holidays

    country, subdivision = key
    found = holidays.country_holidays(country, subdiv=subdivision, years=year)
    return {day_of(day): str(name) for day, name in found.items() if day.year == year}


def mistake_in(key: SetKey) -> tuple[str, str] | None:
    """What is wrong with it, as field and reason."""
    import holidays

    country, subdivision = key
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return "country", f"there are no holidays for '{country}'"
    if subdivision is not None and subdivision not in known[country]:
        parts = ", ".join(sorted(known[country])[:80]) or "none"
        return (
            "subdivision",
            f"'{subdivision}' is no part of {country} with holidays of its own; known: {parts}",
        )
    return None
