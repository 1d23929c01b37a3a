"""The service: a socket, a queue of jobs and the one thread that computes."""
