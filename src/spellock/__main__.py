"""``python -m spellock``, which is also what ``accelerate launch -m spellock`` runs."""

from spellock.cli.main import entry

if __name__ == "__main__":
    entry()
