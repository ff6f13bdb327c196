"""What FastAPI costs by itself: one route that answers a fixed document, served exactly as our services are."""

import sys

import uvloop
from fastapi import FastAPI, Response

from shared.http import server

app = FastAPI(openapi_url=None)


@app.get("/")
async def nothing() -> Response:
    """Answer with nothing to do."""
    return Response(b'{"status":"ok"}', media_type="application/json")


if __name__ == "__main__":
    uvloop.run(server(app, host="127.0.0.1", port=int(sys.argv[1]), receive_seconds=30, connections=2000).serve())
