"""What the pages that teach show, computed and checked without a page.

Each module takes numbers, lets the library compute with them, and returns the steps in between.
Nothing here knows of Streamlit or of pixels.
"""
