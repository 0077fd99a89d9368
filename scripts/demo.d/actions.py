#!/usr/bin/env python3
"""The SQL behind the demo page's buttons. Sangre never writes the user's tables; an application does, and this stands for one.

actions.py CONNINFO ORIGIN PORT_FILE: serves POST / on a free loopback port, which is written to PORT_FILE, for pages of
ORIGIN alone. A request {"action": …, …} becomes one transaction; the answer is {"sql": what was run} or {"error": why not}.
"""
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONNINFO, ORIGIN, PORT_FILE = sys.argv[1:4]
DONE = "-- done"


class Psql:
    """One psql for all requests, so that a click costs a statement and no new connection."""

    def __init__(self):
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-d", CONNINFO],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)

    def run(self, sql):
        with self.lock:
            self.process.stdin.write(f"{sql}\n\\echo {DONE}\n")
            self.process.stdin.flush()
            lines = []
            for line in self.process.stdout:
                if line.rstrip("\n") == DONE:
                    break
                lines.append(line)
            text = "".join(lines).strip()
            if "ERROR:" in text:
                raise ValueError(text)
            return text


def number(request, name):
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number")
    return value


def text(request, name):
    value = request.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 60 or not value.isprintable():
        raise ValueError(f"{name} must be a text of 1 to 60 letters")
    return "'" + value.replace("'", "''") + "'"


def follow(r):
    return (f"INSERT INTO users_followeds VALUES ({number(r, 'user')}, {number(r, 'other')})"
            " ON CONFLICT DO NOTHING;")


def unfollow(r):
    return (f"DELETE FROM users_followeds WHERE user_id = {number(r, 'user')}"
            f" AND followed_id = {number(r, 'other')};")


def rename_place(r):
    return f"UPDATE places SET name = {text(r, 'name')} WHERE id = {number(r, 'id')};"


def rename_user(r):
    return f"UPDATE users SET name = {text(r, 'name')} WHERE id = {number(r, 'id')};"


def swap(r):
    """Whom the user follows and whom not change places, in one transaction: the page must never show half of it."""
    user = number(r, "user")
    return (f"BEGIN;\n"
            f"CREATE TEMP TABLE others ON COMMIT DROP AS SELECT id FROM users WHERE id <> {user} AND id NOT IN\n"
            f"  (SELECT followed_id FROM users_followeds WHERE user_id = {user});\n"
            f"DELETE FROM users_followeds WHERE user_id = {user};\n"
            f"INSERT INTO users_followeds SELECT {user}, id FROM others;\n"
            f"COMMIT;")


def users(_):
    return "SELECT json_agg(json_build_object('id', id, 'name', name) ORDER BY id) FROM users;"


ACTIONS = {f.__name__: f for f in (follow, unfollow, rename_place, rename_user, swap, users)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", ORIGIN)
        self.send_header("Access-Control-Allow-Headers", "content-type")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_OPTIONS(self):
        self.answer(200, {})

    def do_POST(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(size, 4096))
        # The type makes a browser ask first (do_OPTIONS), so no other page can send one.
        if self.headers.get("Content-Type") != "application/json" or self.headers.get("Origin") != ORIGIN:
            self.answer(403, {"error": f"only for {ORIGIN}"})
            return
        try:
            request = json.loads(body)
            action = ACTIONS.get(request.get("action"))
            if not action:
                raise ValueError(f"no such action; there are {', '.join(ACTIONS)}")
            sql = action(request)
            result = PSQL.run(sql)
            self.answer(200, {"sql": sql, "rows": json.loads(result) if result else None})
        except (ValueError, AttributeError) as error:
            self.answer(400, {"error": str(error)})

    def log_message(self, *_):
        pass


PSQL = Psql()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(PORT_FILE, "w") as file:
    file.write(str(server.server_address[1]))
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
