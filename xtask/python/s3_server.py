"""A local S3 for tests and benches: moto, in memory, behind an HTTP/1.1 server that keeps connections open.

usage: python s3_server.py [--port N] [--delay-ms N] [--with-parent]

Prints `READY http://127.0.0.1:PORT` when it answers. Any bucket can be made with an unsigned PUT, any keys are
accepted, and GET /-/requests returns how many requests of each method came since it was last asked, as JSON. With
--delay-ms every request waits that long first, many at a time, as if the storage were far away. With
--with-parent it ends when its standard input does, so that it never outlives who started it.

moto_server itself closes the connection after each request and goes through every service of Amazon's: about 3 ms
per small get where this takes 1.5. It also looks and puts in two steps, so that two writers could both create one
object; here creations wait for one another.

ArcticDB reaches it as s3://127.0.0.1:BUCKET?port=PORT&access=x&secret=x&path_prefix=NAME, with
AWS_EC2_METADATA_DISABLED=true in its environment.

What moto cannot do: one GIL serves about 700 requests a second, delay or not, and a list takes 2 us for every key of
the bucket, so that benches should have a bucket each.

Needs moto[s3], flask, flask-cors and cheroot from PyPI.
"""
import argparse
import collections
import json
import os
import sys
import threading
import time

from cheroot import wsgi
from moto.moto_server.werkzeug_app import create_backend_app


class Storage:
    """moto's S3 as a WSGI application."""

    def __init__(self, delay_s):
        self.s3 = create_backend_app("s3")
        self.delay_s = delay_s
        self.creation = threading.Lock()
        self.requests = collections.Counter()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/-/requests":
            return self.answer_requests(start_response)
        self.requests[environ["REQUEST_METHOD"]] += 1
        # moto decodes a key once more when it does not find the path as it was sent.
        environ["RAW_URI"] = environ["REQUEST_URI"]
        if self.delay_s:
            time.sleep(self.delay_s)
        if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MATCH" in environ:
            with self.creation:
                return self.s3(environ, start_response)
        return self.s3(environ, start_response)

    def answer_requests(self, start_response):
        counted, self.requests = self.requests, collections.Counter()
        body = json.dumps(counted).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--with-parent", action="store_true")
    arguments = parser.parse_args()
    server = wsgi.Server(("127.0.0.1", arguments.port), Storage(arguments.delay_ms / 1e3), numthreads=64, timeout=300)
    server.keep_alive_conn_limit = 1_000
    server.prepare()
    if arguments.with_parent:
        threading.Thread(target=end_with_parent, daemon=True).start()
    print(f"READY http://127.0.0.1:{server.bind_addr[1]}", flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
