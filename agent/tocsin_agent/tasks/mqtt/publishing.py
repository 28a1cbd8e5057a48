"""Publishes one message."""

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import drive, task_of
from tocsin_agent.tasks.mqtt.link import MqttLink
from tocsin_agent.tasks.mqtt.server import server_of
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import MqttTask

#: For tasks without `timeout_secs`.
_DEFAULT_TIMEOUT_SECS = 30.0


class MqttRunner:
    """Runs `mqtt` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Publish; a stop leaves open whether it was."""

        async def work() -> Outcome:
            task = task_of(assignment, MqttTask)
            link = MqttLink(server_of(assignment, task))
            try:
                await link.open()
                await link.publish(task.topic, task.message, task.qos or 0, retain=task.retain)
            finally:
                await link.close()
            return Outcome.succeeded()

        return await drive(assignment, context, work, default_timeout_secs=_DEFAULT_TIMEOUT_SECS)
