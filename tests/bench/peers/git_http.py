"""The HTTP server of the git row: git-http-backend(1) is a CGI program, and this is the server that it needs.

    python3 git_http.py FOLDER PORT        every repository in FOLDER, to be read
"""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """The backend writes to the connection itself, so that no byte of a pack passes through here; its end is the connection's."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = {"GIT_PROJECT_ROOT": sys.argv[1], "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                   "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                   "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                   "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        subprocess.run(["git", "http-backend"], input=body, stdout=self.connection, env={**os.environ, **request}, check=True)

    do_POST = do_GET

    def log_message(self, *_):
        """Nobody reads it."""


if __name__ == "__main__":
    try:
        ThreadingHTTPServer(("", int(sys.argv[2])), Handler).serve_forever()
    except KeyboardInterrupt:
        pass
