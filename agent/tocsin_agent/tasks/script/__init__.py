"""`script` tasks: Starlark in a process of its own, which has nothing but what the functions here give it."""
