"""The cases, a file for each: `tc_013.py` is TC_013_CSMS, `lab_01.py` one beyond OCA's list."""
