"""Documentation, and the script that writes the pages which come from the code."""
