"""`python -m bench`: every measurement there is."""

from bench.side_by_side import main

main()
