"""Sending messages to Kafka, and reading them."""

import logging

# Its errors are told as the outcome of the execution that they belong to; by themselves they tell nobody which.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
