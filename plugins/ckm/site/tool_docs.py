"""The pages that dbt and GX make themselves, as they may be published: nothing of the machine, nothing from outside."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from ckm.gate.check import build_data_docs
from ckm.home import Home

# dbt's page would send for a counter, Data Docs for styles, scripts and a picture that counts: none is let out.
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self' 'unsafe-inline' 'unsafe-eval' "
    'data: blob:">'
)
FROM_OUTSIDE = re.compile(
    r'<(?:script|link|img)\b[^>]*(?:src|href)="(?:https?:)?//[^>]*>(?:\s*</script>)?|(?<=href=")https?://[^"]*'
    r"|url\(['\"]?https?://[^)]*\)"
)
READABLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 80rem; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { border-bottom: 1px solid #ccd; padding: .3rem .6rem; text-align: left; }
ul { padding-left: 1.2rem; } .card { margin: 1rem 0; } .modal, footer { display: none; }
</style>"""


def nodes(home: Home) -> dict[str, dict[str, Any]]:
    """dbt's nodes by name, from its manifest; none where dbt has not run in this home, or was killed in writing it."""
    file = home.dbt / "target" / "manifest.json"
    try:
        manifest = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {node["name"]: node for node in manifest["nodes"].values()}


def copy_dbt_docs(home: Home, folder: Path) -> bool:
    """Copy dbt's page; returns whether there is one. Folders of this machine are named by their last part only."""
    if not home.dbt_docs.exists():
        return False
    page = home.dbt_docs.read_text("utf-8")
    roots = set(re.findall(r'"root_path": "((?:[^"\\]|\\.)+)"', page)) | {json.dumps(str(home.folder))[1:-1]}
    for root in sorted(roots, key=len, reverse=True):
        page = page.replace(root, root.rsplit("/", 1)[-1])
    folder.mkdir()
    (folder / "index.html").write_text(page.replace("<head>", f"<head>{POLICY}", 1), "utf-8")
    return True


def copy_data_docs(home: Home, folder: Path) -> list[tuple[str, str, str]]:
    """Build and copy GX's pages, all but the list of them, which is nothing without scripts from elsewhere.

    So are their styles. What would be fetched is taken out and a plain style put in its place, so that they read
    the same with and without a network; folding and filtering is what goes.

    Returns:
        Suite, page of its result and page of its rules, of every suite that was run.
    """
    if not home.gx.exists():
        return []
    shutil.copytree(build_data_docs(home.gx), folder)
    (folder / "index.html").unlink()
    for file in folder.rglob("*.html"):
        page = FROM_OUTSIDE.sub("", file.read_text("utf-8"))
        file.write_text(page.replace("</head>", f"{POLICY}{READABLE}</head>", 1), "utf-8")
    results = {file.stem.partition("-")[2]: file for file in sorted((folder / "validations").rglob("*.html"))}
    return [
        (
            suite,
            file.relative_to(folder).as_posix(),
            f"expectations/{suite.replace('.', '/')}.html",
        )
        for suite, file in sorted(results.items())
    ]
