"""What a scan writes down: the study's database, the table of trials, the log."""
