"""Reads dashboards by Grafana's own types, and says what of them those do not know. Called with the paths of the files."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

# Grafana writes it beside the query of a variable, and its types have it nowhere.
UNTYPED = "definition"


def lost(written, read, place):
    """Where what was written is not there any more, or is something else."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key in written:
            if key not in read:
                if key != UNTYPED:
                    yield f"{place}/{key}"
            else:
                yield from lost(written[key], read[key], f"{place}/{key}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, pair in enumerate(zip(written, read)):
            yield from lost(*pair, f"{place}/{index}")
    elif written != read:
        yield f"{place}: {written!r} became {read!r}"


register_default_plugins()
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        written = json.load(file)
    dashboard = Dashboard.from_json(written)
    read = json.loads(JSONEncoder(sort_keys=True).encode(dashboard))
    found = list(lost(written, read, ""))
    if found:
        sys.exit("\n".join([path, *found]))
    print(path, len(dashboard.panels), "panels")
