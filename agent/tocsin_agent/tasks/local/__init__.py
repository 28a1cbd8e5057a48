"""Files on the agent's own host, as the account that a job runs as, never half of one, never through a swapped link."""

from tocsin_agent.tasks.local.drafts import Draft
from tocsin_agent.tasks.local.places import Place, open_for_reading, place_of
from tocsin_agent.tasks.local.thread import FileThread, file_thread

__all__ = ["Draft", "FileThread", "Place", "file_thread", "open_for_reading", "place_of"]
