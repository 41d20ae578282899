"""The workflow of GitHub that makes the site and publishes it, in .github/workflows/site.yml."""

from pathlib import Path

PATH = Path(".github/workflows/site.yml")

# A fork does not publish: Pages is not set up there, and each push would end in a failure.
SOURCE = """\
# Written by `make links`. It makes the site with `make site` and publishes it at {address}
name: site
on:
  push:
    branches: [main]
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: pages
jobs:
  build:
    if: github.repository == '{repo}'
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v7
      - uses: actions/setup-python@v7
        with:
          python-version: "3.13"
      # Chromium, which prints the handouts, may use its sandbox.
      - run: sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0
      - run: make site
      - uses: actions/upload-pages-artifact@v5
        with:
          path: build/site
  publish:
    needs: build
    runs-on: ubuntu-latest
    permissions:
      pages: write
      id-token: write
    environment:
      name: github-pages
      url: ${{{{ steps.deployment.outputs.page_url }}}}
    steps:
      - id: deployment
        uses: actions/deploy-pages@v5
"""


def source(repo: str) -> str:
    """The workflow of a repository (owner/name)."""
    return SOURCE.format(repo=repo, address=site(repo))


def site(repo: str) -> str:
    """Where GitHub shows the pages of a repository (owner/name)."""
    owner, name = repo.split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"
