"""The app: `python -m mt_app` shows what the networks see while they work and learn.

It is a room of its own behind the extra `app`. Its modules import Streamlit freely, and nothing
outside it imports them.
"""
