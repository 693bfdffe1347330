"""Figures of the lessons: functions from numbers to a `Drawing`, without Streamlit."""
