"""What this host's owner lets jobs do here, whatever a controller asks for."""

from tocsin_agent.policy.decisions import Policy, Refused

__all__ = ["Policy", "Refused"]
