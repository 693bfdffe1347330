"""How the pages that teach draw what they show: numbers in, a `Drawing` out, no Streamlit."""
