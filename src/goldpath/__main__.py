"""Run the command line as `python -m goldpath`."""

from goldpath.cli.main import main

if __name__ == "__main__":
    main()
