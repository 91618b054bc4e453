"""Projects, tasks, time, clients and users from a REST API into a warehouse."""
