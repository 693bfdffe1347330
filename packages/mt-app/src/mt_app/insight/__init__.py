"""What a network computed on the way to its answer, as arrays; nothing here knows Streamlit."""
