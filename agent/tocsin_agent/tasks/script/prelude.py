"""The part of what scripts find that is written in Starlark itself: names, defaults, and results with fields."""

from typing import Final

PRELUDE: Final = """
def print(*args, sep = " "):
    _print(sep.join([str(one) for one in args]))

def debug(*args, sep = " "):
    _debug(sep.join([one if type(one) == "string" else repr(one) for one in args]))

def fail(*args, sep = " "):
    _fail(sep.join([str(one) for one in args]))

def http(method, url, body = None, headers = None, timeout_secs = 30):
    return struct(**_http(method, url, body, headers, timeout_secs))

def http_get(url, headers = None, timeout_secs = 30):
    return http("GET", url, None, headers, timeout_secs)

def http_post(url, body = "", headers = None, timeout_secs = 30):
    return http("POST", url, body, headers, timeout_secs)

def tcp_send(address, data, timeout_secs = 5):
    return struct(**_tcp_send(address, data, False, timeout_secs))

def tcp_send_hex(address, data, timeout_secs = 5):
    return struct(**_tcp_send(address, data, True, timeout_secs))

def udp_send(address, data):
    return struct(**_udp_send(address, data, False))

def udp_send_hex(address, data):
    return struct(**_udp_send(address, data, True))

def shell_exec(command, stdin = "", env = {}):
    return struct(**_shell_exec(command, stdin, env))

def env_var(name):
    return vars.get(name, "")

def _found(one):
    return None if one == None else struct(**one)

regex = struct(
    match = lambda pattern, text: _regex_find(pattern, text) != None,
    find = lambda pattern, text: _found(_regex_find(pattern, text)),
    find_all = lambda pattern, text: [struct(**one) for one in _regex_find_all(pattern, text)],
    replace = lambda pattern, replacement, text: _regex_replace(pattern, replacement, text),
)

time = struct(now = _now, sleep_ms = sleep_ms, format = _format_time, parse = _parse_time)
timestamp = _now
job = struct(**_job)

def _finish(value):
    if value != None:
        _final(value if type(value) == "string" else json.encode(value))
"""
