"""What can't be saved: decoding the responses and encoding their records as lines.

Usage: python decode_encode.py API_URL API_KEY

Prints, as JSON, the seconds of processor time for that alone, how many records there
are, and the sizes of the responses in bytes.
"""

from __future__ import annotations

import json
import sys
import time
from urllib.parse import quote

import msgspec
import requests

TOP_LEVEL = ("/clients", "/projects", "/team/time", "/team/users")
BELOW_A_PROJECT = ("tasks", "time")


def fetch_all(api_url: str, api_key: str) -> list[bytes]:
    """Return the bodies of all lists that the API has."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Api-Key"] = api_key

        def fetch(path: str) -> bytes:
            response = session.get(f"{api_url}/v1{path}", timeout=60)
            response.raise_for_status()
            return response.content

        bodies = [fetch(path) for path in TOP_LEVEL]
        projects = msgspec.json.decode(bodies[TOP_LEVEL.index("/projects")])["data"]
        bodies += [
            fetch(f"/projects/{quote(project['id'], safe='')}/{list_}")
            for project in projects
            for list_ in BELOW_A_PROJECT
        ]
    return bodies


def decode_and_encode(bodies: list[bytes]) -> int:
    """Decode the bodies and encode the records in them; return how many there are."""
    encoder = msgspec.json.Encoder()
    records = 0
    for body in bodies:
        lines = bytearray()
        for record in msgspec.json.decode(body)["data"]:
            encoder.encode_into(record, lines, -1)
            lines += b"\n"
            records += 1
    return records


def main(api_url: str, api_key: str) -> None:
    """Measure, and print what was measured."""
    bodies = fetch_all(api_url, api_key)
    started = time.process_time()
    records = decode_and_encode(bodies)
    cpu = time.process_time() - started
    print(json.dumps({"cpu": cpu, "records": records, "sizes": [*map(len, bodies)]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
