"""`python -m globus_local`: the same as the command `globus-local`."""

from globus_local.command import main

main(prog_name="globus-local")
