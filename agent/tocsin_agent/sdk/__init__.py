"""Agents of your own in Python: decorate a function, and the program is an agent that runs it.

    from tocsin_agent.sdk import CustomAgent

    agent = CustomAgent("label-printer", tags=["printer"])

    @agent.task
    def print_label(text: str, copies: int = 1) -> str:
        '''Prints a label in hall 2.'''
        return f"printed {copies} x {text}"

    if __name__ == "__main__":
        agent.main()

Everything else is what Tocsin's own agent does: registering, long polls, live output, cancelling, a journal that
loses no result. See docs/agents/.
"""

from tocsin_agent.sdk.custom_agent import CustomAgent
from tocsin_agent.sdk.execution import Execution, Failed, Stopped
from tocsin_agent.sdk.forms import Form
from tocsin_shared.task_types import FieldOption, FieldType

__all__ = ["CustomAgent", "Execution", "Failed", "FieldOption", "FieldType", "Form", "Stopped"]
