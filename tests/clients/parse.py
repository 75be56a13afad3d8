"""Python's `httpx-sse` on streams that lie in a file.

    python parse.py FILE

FILE and what is printed are those of parse.mjs, without the faults.
"""

import base64
import json
import sys

import httpx
import httpx_sse


def heard(pieces):
    response = httpx.Response(
        200,
        headers={"Content-Type": "text/event-stream"},
        content=(base64.b64decode(piece) for piece in pieces),
    )
    events, retries = [], []
    for event in httpx_sse.EventSource(response).iter_sse():
        events.append([event.event, event.data, event.id])
        if event.retry is not None:
            retries.append(event.retry)
    return {"events": events, "retries": retries}


with open(sys.argv[1], encoding="utf-8") as file:
    streams = json.load(file)["streams"]
print(json.dumps([heard(pieces) for pieces in streams]))
