"""A server of gRPC by grpcio, with calls of all four kinds, which counts what it has seen.

Its messages are made of a descriptor that is written out here, so that nothing has to be generated. After each call the counts are
written to the file that is named, as JSON.
"""

import json
import os
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection

PORT, COUNTS, REFLECTS = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "reflection"
STRING, UINT32 = 9, 13

FILE = descriptor_pb2.FileDescriptorProto(name="greet.proto", package="greet", syntax="proto3")
for name, fields in {
    "HelloRequest": [("name", STRING), ("times", UINT32), ("fails_with", UINT32)],
    "HelloReply": [("text", STRING), ("number", UINT32)],
}.items():
    message = FILE.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields, 1):
        message.field.add(name=field, number=number, type=kind, label=1)
SERVICE = FILE.service.add(name="Greeter")
for name, client, server in [
    ("SayHello", False, False),
    ("SayOften", False, True),
    ("Gather", True, False),
    ("Chat", True, True),
]:
    SERVICE.method.add(
        name=name,
        input_type=".greet.HelloRequest",
        output_type=".greet.HelloReply",
        client_streaming=client,
        server_streaming=server,
    )
POOL = descriptor_pool.Default()
POOL.Add(FILE)
Request = message_factory.GetMessageClass(POOL.FindMessageTypeByName("greet.HelloRequest"))
Reply = message_factory.GetMessageClass(POOL.FindMessageTypeByName("greet.HelloReply"))

LOCK = threading.Lock()
SEEN = {"calls": {}, "messages": 0, "replies": 0, "names": [], "metadata": [], "deadlines": [], "spans_ms": []}


def note(context, method, requests, replies):
    with LOCK:
        SEEN["calls"][method] = SEEN["calls"].get(method, 0) + 1
        SEEN["messages"] += len(requests)
        SEEN["replies"] += replies
        SEEN["names"] += [request.name for request in requests]
        SEEN["metadata"] += [value for key, value in context.invocation_metadata() if key == "x-key"]
        left = context.time_remaining()
        SEEN["deadlines"].append(None if left is None or left > 1e6 else round(left))
        with open(COUNTS + ".new", "w") as file:
            json.dump(SEEN, file)
        os.replace(COUNTS + ".new", COUNTS)


def refuse(context, request):
    if request.fails_with:
        code = next(code for code in grpc.StatusCode if code.value[0] == request.fails_with)
        context.abort(code, "asked to: 100% é")


def say_hello(request, context):
    note(context, "SayHello", [request], 0 if request.fails_with else 1)
    refuse(context, request)
    return Reply(text="hello " + request.name, number=1)


def say_often(request, context):
    note(context, "SayOften", [request], request.times)
    for number in range(1, request.times + 1):
        yield Reply(text=request.name, number=number)
    refuse(context, request)


def gather(requests, context):
    seen, came = [], []
    for request in requests:
        seen.append(request)
        came.append(time.monotonic())
    with LOCK:
        SEEN["spans_ms"].append(round(1000 * (came[-1] - came[0])))
    note(context, "Gather", seen, 1)
    return Reply(text=seen[-1].name, number=len(seen))


def chat(requests, context):
    seen = []
    for request in requests:
        seen.append(request)
        yield Reply(text=request.name, number=len(seen))
    note(context, "Chat", seen, len(seen))


def handler(make, function):
    return make(function, request_deserializer=Request.FromString, response_serializer=Reply.SerializeToString)


HANDLERS = {
    "SayHello": handler(grpc.unary_unary_rpc_method_handler, say_hello),
    "SayOften": handler(grpc.unary_stream_rpc_method_handler, say_often),
    "Gather": handler(grpc.stream_unary_rpc_method_handler, gather),
    "Chat": handler(grpc.stream_stream_rpc_method_handler, chat),
}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("greet.Greeter", HANDLERS),))
if REFLECTS:
    reflection.enable_server_reflection(("greet.Greeter", reflection.SERVICE_NAME), server)
server.add_insecure_port(f"127.0.0.1:{PORT}")
server.start()
server.wait_for_termination()
