"""`docker_build` tasks: images built, and containers run, by the API of Docker or Podman on this host."""
