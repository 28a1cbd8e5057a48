"""REST and SSE: the route table, its handlers, and what every request passes through."""
