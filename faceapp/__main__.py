"""``python -m faceapp`` is ``faceapp``."""

from faceapp.cli.main import run

if __name__ == "__main__":
    run()
