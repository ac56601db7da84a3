"""A container's health check: whether an address answers and, with a part's name, whether Airflow says it is well.

    python stack/healthy.py http://api-server:8080/api/v2/monitor/health scheduler

It loads nothing but the standard library: it runs in every container, every few seconds.
"""

import json
import sys
import urllib.error
import urllib.request


def main() -> None:
    """Entry point: exit code 0 is healthy, 1 with a sentence is not."""
    address, *part = sys.argv[1:]
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            states = json.load(answer) if part else {}
    except urllib.error.HTTPError as error:
        if error.code >= 500 or part:
            sys.exit(f"{address} answers {error.code}")
        states = {}  # the site's server is well, too, while nothing is published
    except OSError as error:
        sys.exit(f"{address} does not answer: {error}")
    unwell = [name for name in part if states.get(name, {}).get("status") != "healthy"]
    if unwell:
        sys.exit(f"{unwell[0]} is not healthy")


if __name__ == "__main__":
    main()
