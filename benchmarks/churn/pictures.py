"""Draw docs/images/churn-*.svg from what a home knows of churn: python -m benchmarks.churn.pictures HOME

The company of `make run` has enough customers for it: calibration, gain, lift, drivers, one customer's waterfall.
"""

import sys
from pathlib import Path

from ckm.site import churn
from ckm.warehouse import connect

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def main(home: Path) -> None:
    """Write each picture with its style, so that it needs no page around it."""
    with connect(home / "warehouse.duckdb", read_only=True) as connection:
        facts = churn.facts(connection)
    if facts is None:
        raise SystemExit(f"{home} holds no churn model: load a night of a company with more customers")
    drawn = {name: facts[name] for name in ("calibration", "gain", "lift")}
    drawn |= {"drivers": facts["driver_bars"], "waterfall": (facts["waterfall"] or {}).get("picture")}
    for name, picture in drawn.items():
        if picture:
            head, body = str(picture).split(">", 1)
            head = head.replace(
                "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" ', 1
            )
            ground = '<rect width="100%" height="100%" style="fill:#ffffff"/>'
            text = f'{head} color="#222222"><style>{churn.STYLE}</style>{ground}{body}'
            (IMAGES / f"churn-{name}.svg").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
