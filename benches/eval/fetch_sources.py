#!/usr/bin/env python3
"""Fetches the project sources that eval:context searches: source distributions from the Python package index.

    python3 benches/eval/fetch_sources.py <data folder> <sources folder> [--index-url URL]

Reads the issues of localization*.jsonl.gz in the data folder. Of each issue's project it takes the release of the
issue's version, else the newest one before it, in which the file that the right fix touches is there, keeps its .py
files as <sources folder>/<project>-<release>/, and writes sources.json: { issue: folder }, with null for issues whose
file is in none of them. What is there already is not fetched again. Nothing of a distribution is run.

The index is pip's: --index-url, else PIP_INDEX_URL, else pip's configuration, else pip's default.
Needs Python 3.10 with pip. Exit status: 2 for bad arguments, 1 if the index cannot be reached.
"""

import argparse
import glob
import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from pip._internal.models.index import PyPI
from pip._vendor.packaging.version import InvalidVersion, Version

# Releases that are tried for an issue: its own and those before it.
MOST_RELEASES = 6
# A server that hangs must not hold this up for ever.
TIMEOUT_SECONDS = 120


def index_url(given):
    if given or os.environ.get("PIP_INDEX_URL"):
        return given or os.environ["PIP_INDEX_URL"]
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    configured = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return configured or PyPI.simple_url


def fetch(url, accept="*/*"):
    request = urllib.request.Request(url, headers={"Accept": accept, "User-Agent": "eval-context"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        return answer.read(), answer.headers.get("Content-Type", "")


def distributions(index, project):
    """Release → (URL, file name) of its source distribution."""
    url = f"{index.rstrip('/')}/{project}/"
    body, kind = fetch(url, "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
    if "json" in kind:
        links = [(urllib.parse.urljoin(url, file["url"]), file["filename"]) for file in json.loads(body)["files"]]
    else:
        found = re.findall(r'href="([^"#]+)[^"]*"[^>]*>([^<]+)<', body.decode())
        links = [(urllib.parse.urljoin(url, href), name.strip()) for href, name in found]
    releases = {}
    spelled = "[-_.]".join(re.escape(part) for part in re.split("[-_.]", project))
    for link, name in links:
        match = re.fullmatch(rf"{spelled}-(.+?)\.(?:tar\.(?:gz|bz2)|zip)", name, re.I)
        try:
            version = Version(match[1]) if match else None
        except InvalidVersion:
            continue
        if version and not version.is_prerelease and (version not in releases or name.endswith(".gz")):
            releases[version] = (link, name)
    return releases


def unpack(archive, name, folder):
    """Writes the .py files of a distribution, without the folder that all of them are in."""

    def write(path, data):
        parts = path.split("/")[1:]
        if not parts or ".." in parts or not path.endswith(".py"):
            return
        target = os.path.join(folder, *parts)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)

    if name.endswith(".zip"):
        with zipfile.ZipFile(archive) as found:
            for member in found.infolist():
                if not member.is_dir() and member.filename.endswith(".py"):
                    write(member.filename, found.read(member))
        return
    with tarfile.open(archive) as found:
        for member in found:
            if member.isfile() and member.name.endswith(".py"):
                write(member.name, found.extractfile(member).read())


def source(index, project, release, distribution, sources):
    """The folder of a release, fetched if it is not there."""
    folder = f"{project}-{release}"
    if os.path.isdir(os.path.join(sources, folder)):
        return folder
    url, name = distribution
    print(f"  {name}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=sources) as temporary:
        archive = os.path.join(temporary, "archive")
        with open(archive, "wb") as file:
            file.write(fetch(url)[0])
        unpacked = os.path.join(temporary, "unpacked")
        os.makedirs(unpacked)
        unpack(archive, name, unpacked)
        os.rename(unpacked, os.path.join(sources, folder))
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("sources")
    parser.add_argument("--index-url")
    given = parser.parse_args()
    files = sorted(glob.glob(os.path.join(given.data, "localization*.jsonl.gz")))
    if not files:
        parser.error(f"no localization*.jsonl.gz in {given.data}")
    index = index_url(given.index_url)
    os.makedirs(given.sources, exist_ok=True)
    issues = [json.loads(line) for file in files for line in gzip.open(file, "rt", encoding="utf-8")]
    listed, found = {}, {}
    for number, issue in enumerate(issues, 1):
        project = issue["repo"].split("/")[1]
        print(f"{number}/{len(issues)} {issue['instance_id']}", file=sys.stderr)
        if project not in listed:
            listed[project] = distributions(index, project)
        own = Version(issue["version"])
        found[issue["instance_id"]] = None
        for release in sorted((release for release in listed[project] if release <= own), reverse=True)[:MOST_RELEASES]:
            folder = source(index, project, release, listed[project][release], given.sources)
            if all(os.path.isfile(os.path.join(given.sources, folder, path)) for path in issue["ground_truth_files"]):
                found[issue["instance_id"]] = folder
                break
    with open(os.path.join(given.sources, "sources.json"), "w", encoding="utf-8") as file:
        json.dump(found, file, indent=2)
    usable = sum(folder is not None for folder in found.values())
    print(f"{usable} of {len(found)} issues have their sources in {given.sources}")


if __name__ == "__main__":
    try:
        main()
    except urllib.error.URLError as error:
        sys.exit(f"fetch_sources: {error}")
