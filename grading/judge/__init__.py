"""The judge: it runs the checks of selected tasks on code in another process."""
