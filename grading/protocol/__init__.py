"""Messages between the judge and the code under test, and their binary form."""
