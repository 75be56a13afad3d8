"""Asks a real PocketBase what it says of every rule in rules.txt, and of random ones.

    python3 tests/language/ask.py target/test-tools/python/bin/pocketbase > tests/golden/language/pocketbase.json

The program is one of those that tests/run installs.

Each rule is made the list rule of a collection that has a field of every type, and the records
are then listed by a guest and by a user. What is printed has the records as PocketBase tells
them, the claims of the user, what came with the requests, and per rule the places of the records
that each of the two was told: none at all where PocketBase refuses the rule. The unit tests
of `rule` compare. It takes 15 seconds, which is why they read its answers and do not ask.
"""

import datetime
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
RANDOM_RULES = 400
QUERY = {"page_size": "7", "name": "Live", "none": "", "pat": "l_v"}
HEADERS = {"X-Key": "k1", "X-Empty": ""}

USERS = [
    {"id": "user0000000001a", "email": "one@example.com", "role": "admin", "level": 3,
     "teams": ["x", "y"], "nick": "Live", "pat": "l_v", "verified": True},
    {"id": "user0000000002b", "email": "two@example.com", "role": "", "level": 0, "teams": [], "nick": ""},
]
ONE, TWO = (user["id"] for user in USERS)

RECORDS = [
    {"title": "live", "note": "", "n": 7, "t": True, "at": "2026-01-31 09:00:00.000Z", "status": "open",
     "tags": ["a", "A1"], "owner": ONE, "members": [ONE, TWO], "place": {"lon": 13.4, "lat": 52.5},
     "o": {"a": 1}, "j": {"a": {"b": "deep"}, "x": 2, "n": None, "e": "", "t": True, "l": [1, 2]}},
    {"title": "Live", "note": "50%", "n": 0, "t": False, "at": "", "status": "", "tags": [],
     "owner": "", "members": [], "place": {"lon": 0, "lat": 0}, "o": None},
    {"title": "a_b", "note": "a\\b", "n": -2.5, "t": True, "at": "2099-12-31 23:59:59.999Z", "status": "shut",
     "tags": ["a"], "j": {"x": "2", "e": "e"}, "owner": TWO, "members": [TWO], "place": {"lon": -73.9, "lat": 40.7}, "o": "text"},
    {"title": "\u00c9a \u00df", "note": "it's \"q\"", "n": 1000000, "t": False, "at": "2026-11-25 00:00:00.000Z",
     "status": "open", "tags": ["b", "c"], "owner": ONE, "members": [ONE], "place": {"lon": 180, "lat": -90}, "o": 7},
    {"title": "007", "note": "10", "n": 1.5, "t": False, "at": "2000-02-29 12:34:56.789Z", "status": "shut",
     "tags": ["c", "b", "a"], "owner": "", "members": [TWO, ONE], "place": {"lon": 13.4, "lat": 52.5}, "o": []},
    {"title": "aaaaab", "note": "true", "n": 10, "t": True, "at": "2024-03-10 01:02:03.004Z", "status": "",
     "tags": ["A1"], "owner": ONE, "members": [], "place": {"lon": 2.35, "lat": 48.86}, "o": ["p", "q"]},
]

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "note", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "t", "type": "bool"},
    {"name": "at", "type": "date"},
    {"name": "status", "type": "select", "values": ["open", "shut"], "maxSelect": 1},
    {"name": "tags", "type": "select", "values": ["a", "A1", "b", "c"], "maxSelect": 4},
    {"name": "place", "type": "geoPoint"},
    {"name": "o", "type": "json"},
    {"name": "j", "type": "json"},
]
USER_FIELDS = [
    {"name": "role", "type": "select", "values": ["admin", "guest"], "maxSelect": 1},
    {"name": "level", "type": "number"},
    {"name": "teams", "type": "select", "values": ["x", "y", "z"], "maxSelect": 3},
    {"name": "nick", "type": "text"},
    {"name": "pat", "type": "text"},
]


class Server:
    """A PocketBase that runs while it is entered."""

    def __init__(self, program):
        self.program = program
        self.token = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        data = ["--dir", os.path.join(self.folder.name, "data")]
        subprocess.run([self.program, "superuser", "upsert", "root@example.com", "rootrootroot", *data],
                       check=True, stdout=sys.stderr)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen([self.program, "serve", "--http", f"127.0.0.1:{self.port}", *data],
                                        stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.ask("GET", "/api/health")
                return self
            except urllib.error.URLError:
                time.sleep(0.05)
        raise SystemExit("PocketBase did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def ask(self, method, path, body=None, token=None, headers=None):
        """The status and what was answered."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = token
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or "null")

    def sure(self, method, path, body=None, token=None):
        status, answer = self.ask(method, path, body, token)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {answer}")
        return answer

    def login(self, collection, email, password):
        body = {"identity": email, "password": password}
        return self.sure("POST", f"/api/collections/{collection}/auth-with-password", body)["token"]


def main():
    with Server(sys.argv[1]) as server:
        root = server.login("_superusers", "root@example.com", "rootrootroot")
        users = server.sure("GET", "/api/collections/users", token=root)
        server.sure("PATCH", "/api/collections/users", {"fields": users["fields"] + USER_FIELDS}, root)
        for user in USERS:
            own = {"password": "passpasspass", "passwordConfirm": "passpasspass", **user}
            server.sure("POST", "/api/collections/users/records", own, root)
        related = [
            {"name": "owner", "type": "relation", "collectionId": users["id"], "maxSelect": 1},
            {"name": "members", "type": "relation", "collectionId": users["id"], "maxSelect": 9},
        ]
        server.sure("POST", "/api/collections", {"name": "things", "type": "base", "fields": FIELDS + related}, root)
        for at, record in enumerate(RECORDS):
            own = {"id": f"r{at:014}", **record}
            server.sure("POST", "/api/collections/things/records", own, root)
        listed = server.sure("GET", "/api/collections/things/records?sort=id", token=root)["items"]
        user = server.login("users", USERS[0]["email"], "passpasspass")
        claims = server.sure("GET", f"/api/collections/users/records/{ONE}", token=root)
        sections = read_rules()
        sections.append(("random", random_rules()))
        sections.append(("random times", random_times()))
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        told = []
        for title, rules in sections:
            told.append({"title": title, "rules": [answer(server, root, user, rule) for rule in rules]})
        version = subprocess.run([sys.argv[1], "--version"], check=True, capture_output=True, text=True).stdout.strip()
        headers = {name.lower().replace("-", "_"): value for name, value in HEADERS.items()}
        print_golden({"of": version, "now": now, "records": listed, "auth": claims, "query": QUERY, "headers": headers}, told)


def answer(server, root, user, rule):
    """[rule, places of the records told to a guest, places of those told to the user]"""
    status, _ = server.ask("PATCH", "/api/collections/things", {"listRule": rule}, root)
    if status != 200:
        return [rule, None, None]
    path = "/api/collections/things/records?sort=id&" + urllib.parse.urlencode(QUERY)
    places = []
    for token in (None, user):
        status, found = server.ask("GET", path, token=token, headers=HEADERS)
        places.append([int(item["id"][1:]) for item in found["items"]] if status == 200 else None)
    return [rule, *places]


def read_rules():
    """The rules of each section, a section's title after `##`."""
    sections = []
    with open(os.path.join(HERE, "rules.txt"), encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.startswith("## "):
                sections.append((line[3:], []))
            elif line and not line.startswith("#"):
                sections[-1][1].append(line)
    return sections


TEXTS = ["title", "note", "status", "owner", "title:lower", "note:lower", "status:lower",
         "@request.auth.nick", "@request.auth.role", "@request.auth.id", "@request.query.name", "@request.query.none",
         "@request.query.gone", "@request.headers.x_key", "@request.headers.x_empty", "@request.body.title"]
LITERALS = ["'live'", "'Live'", "'a'", "'a_b'", "''", "'%a%'", "'l%'", "'open'", f"'{ONE}'", "'k1'", "null", "'e'", "'_'"]
NUMBERS = ["n", "place.lon", "@request.auth.level", "tags:length", "members:length", "@request.auth.teams:length"]
COUNTS = ["0", "1", "2", "3", "7", "-2.5", "1.5", "1000", "10"]
MANY = ["tags:each", "members.id", "members:each", "@request.auth.teams:each"]
ELEMENTS = ["'a'", "'A1'", "'b'", "'x'", f"'{ONE}'", f"'{TWO}'", "''", "'z'", "'%1'", "'user%'", "title", "@request.auth.id"]
ORDER = ["=", "!=", ">", ">=", "<", "<="]
LIKE = ["~", "!~"]


def random_rules():
    rng = random.Random(7)

    def comparison():
        kind = rng.random()
        any_of = rng.choice(["", "?"])
        if kind < 0.35:
            right = rng.choice(LITERALS + ["title", "note", "@request.auth.nick"])
            op = rng.choice(ORDER + LIKE * 2 if right[0] == "'" else ORDER)
            return f"{rng.choice(TEXTS)} {any_of}{op} {right}"
        if kind < 0.6:
            return f"{rng.choice(NUMBERS)} {any_of}{rng.choice(ORDER)} {rng.choice(COUNTS + ['n'])}"
        if kind < 0.7:
            return f"t {any_of}{rng.choice(['=', '!='])} {rng.choice(['true', 'false', '1', '0'])}"
        if kind < 0.8:
            return f"at {any_of}{rng.choice(ORDER)} {rng.choice(['@yesterday', '@now', '@todayStart', '@yearEnd', 'null'])}"
        if kind < 0.97:
            op = rng.choice(["=", "!="] * 3 + LIKE + ORDER)
            right = rng.choice(ELEMENTS)
            right = right if op not in LIKE or right[0] == "'" else "'a'"
            return f"{rng.choice(MANY)} {any_of}{op} {right}"
        return f"{rng.choice(MANY)} {any_of}{rng.choice(['=', '!='])} {rng.choice(MANY)}"

    def joined(depth):
        if depth == 0 or rng.random() < 0.5:
            return comparison()
        parts = [joined(depth - 1) for _ in range(rng.choice([2, 2, 3]))]
        with_ = rng.choice([" && ", " || "])
        return "(" + with_.join(parts) + ")"

    rules = [joined(2 if at % 2 else 0) for at in range(RANDOM_RULES)]
    return list(dict.fromkeys(rules))


# Of the same meaning in Python.
FORMATS = "%d %e %F %G %g %H %I %j %k %l %m %M %p %P %R %s %S %T %u %U %V %w %W %Y %%".split()
RANDOM_TIMES = 150


def random_times():
    """Formats of times, and what Python makes of them: PocketBase says whether it makes the same."""
    rng = random.Random(11)
    utc = datetime.timezone.utc
    first, last = datetime.datetime(1000, 1, 2, tzinfo=utc), datetime.datetime(9998, 12, 31, tzinfo=utc)
    rules = []
    for _ in range(RANDOM_TIMES):
        at = first + (last - first) * rng.random() if rng.random() < 0.5 else \
            datetime.datetime(rng.randint(1995, 2035), rng.choice([1, 2, 12]), rng.randint(1, 28), tzinfo=utc)
        at = at.replace(microsecond=rng.randint(0, 999) * 1000)
        zone = rng.choice([0, 0, 330, -480, 840])
        local = at + datetime.timedelta(minutes=zone)
        written = f"{local:%Y-%m-%d}{rng.choice('T ')}{local:%H:%M:%S}.{local.microsecond // 1000:03}"
        written += {0: "Z"}.get(zone, f"{'+' if zone >= 0 else '-'}{abs(zone) // 60:02}:{abs(zone) % 60:02}")
        of = rng.sample(FORMATS, rng.randint(1, 3))
        says = ",".join(at.strftime(one) for one in of)
        rules.append(f"strftime('{','.join(of)}', '{written}') = '{says}'")
        rules.append(f"strftime('%f', '{written}') = '{at:%S}.{at.microsecond // 1000:03}'")
    return rules


def print_golden(head, sections):
    """One rule a line, so that a change can be read."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    print("{" + ",\n".join(lines) + ",\n\"sections\": [")
    for place, section in enumerate(sections):
        rules = ",\n".join(json.dumps(rule, ensure_ascii=False) for rule in section["rules"])
        end = "," if place + 1 < len(sections) else ""
        print(f"{{\"title\": {json.dumps(section['title'])}, \"rules\": [\n{rules}]}}{end}")
    print("]}")


main()
