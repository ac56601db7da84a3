"""What can end a run early, and the exit code each one means to the shell and to Airflow."""


class CkmError(Exception):
    """Base of every expected failure: its text is one sentence for a person, never a traceback."""

    exit_code = 1


class GateFailed(CkmError):
    """A critical gate failed; nothing was published."""

    exit_code = 1


class ConfigurationError(CkmError):
    """The command line, sources.yml, a contract or a suite is wrong; nothing has run."""

    exit_code = 2


class LoadRunning(CkmError):
    """Another load holds this home."""

    exit_code = 3


class ObjectFailed(CkmError):
    """One source object could not be read as its contract says; the other objects go on."""

    exit_code = 4
