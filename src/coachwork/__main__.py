"""`python -m coachwork`: the same program as `coachwork`, where its folder is not on the PATH."""

from coachwork.cli import main

main()
