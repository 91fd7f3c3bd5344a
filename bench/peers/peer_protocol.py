"""How a peer in Python is spoken to: one JSON request a line on stdin, one JSON line on stdout (protocol.ts has the other side).

hello -> versions; prepare {id, case, mode} makes ready what cases.ts describes; sample {id, seconds} -> {min, median}
in ms; run {id, calls} -> {}; memory -> the process's peak in bytes; release forgets all cases. Ends when stdin does.
"""
import json, statistics, sys, time


def sample(call, seconds):
    """Milliseconds a call; calls too short for the clock are timed several at once."""
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    at_once = max(1, int(2e-4 / max(once, 1e-7)))
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        for _ in range(at_once):
            call()
        times.append((time.perf_counter() - begin) / at_once * 1e3)
    return {"min": min(times), "median": statistics.median(times), "calls": len(times) * at_once}


def peak_memory():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def serve(hello, prepare):
    """`prepare(case, mode)` returns a function that runs the case once."""
    prepared = {}

    def answer(request):
        do = request["do"]
        if do == "hello":
            return hello()
        if do == "memory":
            return {"bytes": peak_memory()}
        if do == "release":
            prepared.clear()
            return {}
        if do == "prepare":
            call = prepare(request["case"], request["mode"])
            call()
            prepared[request["id"]] = call
            return {}
        call = prepared[request["id"]]
        if do == "run":
            for _ in range(request["calls"]):
                call()
            return {}
        if do == "sample":
            return sample(call, request["seconds"])
        raise ValueError("no such request: %s" % do)

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            reply = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(reply), flush=True)
