"""Receives metrics by OTLP, over HTTP or gRPC, and writes each point as a line of JSON: another decoder than the one under test.

python otlp_receiver.py PROTOCOL PORT FILE [REFUSED [REJECTED [CERTIFICATE KEY AUTHORITY]]]

PROTOCOL is http or grpc. The first REFUSED requests that have points are answered with what lets them be sent again; REJECTED points of
each further one are said to be rejected. With the files of a certificate it speaks TLS, and asks for one of its clients.
"""

import gzip
import json
import ssl
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as stubs

protocol, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
refused = int(sys.argv[4]) if len(sys.argv) > 4 else 0
rejected = int(sys.argv[5]) if len(sys.argv) > 5 else 0
secured = sys.argv[6:9]
lock = threading.Lock()


def value_of(value):
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None


def attributes_of(pairs):
    return {pair.key: value_of(pair.value) for pair in pairs}


def point_of(metric, kind, data, point):
    told = {
        "name": metric.name,
        "unit": metric.unit,
        "kind": kind,
        "temporality": getattr(data, "aggregation_temporality", 0),
        "attributes": attributes_of(point.attributes),
        "start": point.start_time_unix_nano,
        "time": point.time_unix_nano,
    }
    if kind in ("sum", "gauge"):
        told["value"] = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        return told
    told.update(value=point.count, sum=point.sum)
    if kind == "exponential_histogram":
        buckets = list(point.positive.bucket_counts)
        told.update(scale=point.scale, zeros=point.zero_count, offset=point.positive.offset, buckets=buckets)
    else:
        told.update(bounds=list(point.explicit_bounds), buckets=list(point.bucket_counts))
    return told


def points_of(request):
    for resource in request.resource_metrics:
        of_resource = attributes_of(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                for point in data.data_points:
                    yield {**point_of(metric, kind, data, point), "resource": of_resource}


def take(request, headers):
    """Whether it is taken, and the response."""
    global refused
    points = list(points_of(request))
    with lock:
        if points and refused > 0:
            refused -= 1
            return False, None
        with open(path, "a") as lines:
            for point in points:
                lines.write(json.dumps({**point, "headers": headers}) + "\n")
    response = service.ExportMetricsServiceResponse()
    if points and rejected:
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = "not these"
    return True, response


class OverHttp(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path != "/v1/metrics" or headers["content-type"] != "application/x-protobuf":
            return self.answer(404, b"")
        is_taken, response = take(service.ExportMetricsServiceRequest.FromString(body), headers)
        self.answer(200, response.SerializeToString()) if is_taken else self.answer(503, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


class OverGrpc(stubs.MetricsServiceServicer):
    def Export(self, request, context):
        headers = {pair.key: pair.value for pair in context.invocation_metadata() if isinstance(pair.value, str)}
        is_taken, response = take(request, headers)
        if not is_taken:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return response


if protocol == "grpc":
    server = grpc.server(futures.ThreadPoolExecutor(4))
    stubs.add_MetricsServiceServicer_to_server(OverGrpc(), server)
    if secured:
        certificate, key, authority = (open(file, "rb").read() for file in secured)
        credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
        assert server.add_secure_port(f"127.0.0.1:{port}", credentials) == port
    else:
        assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    server.wait_for_termination()
else:
    server = ThreadingHTTPServer(("127.0.0.1", port), OverHttp)
    if secured:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(secured[0], secured[1])
        context.load_verify_locations(secured[2])
        context.verify_mode = ssl.CERT_REQUIRED
        # Hands are shaken by the thread of each connection: one that says nothing keeps nobody else waiting.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
