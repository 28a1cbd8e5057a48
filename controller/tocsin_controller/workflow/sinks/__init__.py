"""Where results go besides the database: a file, syslog, fluentd, the controller's log (`output_rules.sinks`)."""
