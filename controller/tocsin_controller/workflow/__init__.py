"""What happens once an execution has started, printed or ended."""
