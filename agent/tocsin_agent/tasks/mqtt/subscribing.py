"""Waits for messages of a topic."""

from paho.mqtt.client import MQTTMessage

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import drive, task_of
from tocsin_agent.tasks.mqtt.link import MqttLink
from tocsin_agent.tasks.mqtt.server import server_of
from tocsin_agent.tasks.receiving import LONGEST_SECS, Printer, receive
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import MqttSubscribeTask

#: With QoS 2 a broker forgets a message when its client has said that it received it, which paho does at once, and
#: not when it is acknowledged, which waits for the journal. With 1 it keeps the message until then.
_MOST_QOS = 1


class MqttSubscribeRunner:
    """Runs `mqtt_subscribe` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Print messages as they come; acknowledge them once the result is durable."""

        async def work() -> Outcome:
            task = task_of(assignment, MqttSubscribeTask)
            server = server_of(assignment, task)
            qos = min(task.qos or 0, _MOST_QOS)
            # Only a client that comes back under its name is given again what it has not acknowledged.
            keeps_session = server.is_known and qos > 0
            printer = Printer(context, as_json=task.format == "json", wanted=task.max_messages or 1)
            link = MqttLink(server, keeps_session=keeps_session)
            link.want(printer.left, printer.room)
            taken: list[MQTTMessage] = []

            async def next_one() -> None:
                message = await link.message()
                known = {"topic": message.topic, "qos": message.qos, "retain": message.retain}
                if printer.take(bytes(message.payload), known):
                    taken.append(message)

            async def acknowledge() -> None:
                for message in taken:
                    link.acknowledge(message)
                await link.close()

            is_kept_open = False
            try:
                await link.open()
                await link.subscribe(task.topic, qos)
                outcome = await receive(assignment, printer, next_one)
                if keeps_session and taken:
                    is_kept_open = True
                    context.after_journal(acknowledge, link.close)
            finally:
                if not is_kept_open:
                    await link.close()
            return outcome

        return await drive(assignment, context, work, default_timeout_secs=LONGEST_SECS)
