"""`python -m mxtui` and the `mxtui` command."""


def main() -> None:
    """Run the command line."""
    from mxtui.cli.main import run

    run()


if __name__ == "__main__":
    main()
