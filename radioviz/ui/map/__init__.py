"""The map: WebGL or plain loops in the browser; which rows are selected is decided in Python."""
