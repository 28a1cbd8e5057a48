"""RabbitMQ: publishing to an exchange, and taking messages from a queue."""

from tocsin_agent.tasks.rabbitmq.consuming import RabbitmqConsumeRunner
from tocsin_agent.tasks.rabbitmq.publishing import RabbitmqRunner

__all__ = ["RabbitmqConsumeRunner", "RabbitmqRunner"]
