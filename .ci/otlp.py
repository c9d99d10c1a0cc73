"""Reads requests of OTLP in JSON strictly. `otlp.sh` calls it.

python otlp.py      a monitor sends two requests here
python otlp.py -    one request from standard input
"""

import http.server
import os
import subprocess
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

# An UpDownCounter of the semantic conventions is a sum that is not monotonic; a histogram is one.
EXPECTED = {
    "process.memory.usage": "sum",
    "system.memory.usage": "sum",
    "nodejs.eventloop.delay.p99": "gauge",
    "nodejs.eventloop.utilization": "gauge",
    "v8js.memory.heap.used": "sum",
    "agentwise.operation.duration": "histogram",
}


def check(body):
    """One request."""
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    json_format.Parse(body, request, ignore_unknown_fields=False)
    (resource,) = request.resource_metrics
    attributes = {pair.key: pair.value for pair in resource.resource.attributes}
    for key in ("service.name", "service.version", "host.name", "process.pid", "deployment.environment.name"):
        assert key in attributes, f"no {key}"
    (scope,) = resource.scope_metrics
    kinds = {}
    for metric in scope.metrics:
        assert metric.name not in kinds, f"{metric.name} twice"
        kinds[metric.name] = metric.WhichOneof("data")
        data = getattr(metric, kinds[metric.name])
        assert data.data_points, f"{metric.name} without points"
        assert kinds[metric.name] == "gauge" or data.aggregation_temporality == 2, metric.name
        seen = set()
        for point in data.data_points:
            key = tuple(sorted((pair.key, pair.value.string_value) for pair in point.attributes))
            assert key not in seen, f"{metric.name}: {key} twice"
            seen.add(key)
            assert point.time_unix_nano > point.start_time_unix_nano
            if kinds[metric.name] == "histogram":
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
                assert sum(point.bucket_counts) == point.count
    for name, kind in EXPECTED.items():
        assert kinds.get(name) == kind, f"{name} is {kinds.get(name)}, not {kind}"
    points = sum(len(getattr(metric, kinds[metric.name]).data_points) for metric in scope.metrics)
    print(f"{len(body)} bytes, {len(kinds)} metrics, {points} points: sound")


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes what is sound."""

    taken = 0

    def do_POST(self):  # noqa: N802, the name is the library's
        """One request."""
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/v1/metrics", self.path
        assert self.headers["content-type"] == "application/json"
        check(body)
        Collector.taken += 1
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Says nothing of its own."""


if sys.argv[1:] == ["-"]:
    check(sys.stdin.buffer.read())
else:
    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        server.timeout = 30
        env = {**os.environ, "OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
        script = os.path.join(os.path.dirname(__file__), "monitor-for-prometheus.mjs")
        with subprocess.Popen(["node", script], env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as monitor:
            try:
                for _ in range(2):
                    server.handle_request()
            finally:
                monitor.kill()
        assert Collector.taken == 2, f"{Collector.taken} of 2 requests were sound"
