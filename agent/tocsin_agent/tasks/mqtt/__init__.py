"""MQTT: publishing a message, and waiting for messages of a topic."""

from tocsin_agent.tasks.mqtt.publishing import MqttRunner
from tocsin_agent.tasks.mqtt.subscribing import MqttSubscribeRunner

__all__ = ["MqttRunner", "MqttSubscribeRunner"]
