"""Speed: what is measured, against whom, and under which conditions."""
