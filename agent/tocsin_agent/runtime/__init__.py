"""Starting, watching and stopping one execution, whatever its task type."""
