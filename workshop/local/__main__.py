"""Runs the local cloud: python -m workshop.local --port PORT."""
from workshop.local import server

if __name__ == "__main__":
    server.main()
