"""`python -m moorage.config` is `moorage-server`."""

from moorage.config.command import main

main(prog_name="moorage-server")
