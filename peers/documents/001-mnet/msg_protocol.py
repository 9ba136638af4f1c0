"""The message: a header of three numbers (size of the body, command, whether a reply is wanted), then a body of JSON text."""
import json
import struct

INFORM, REQUEST, PARAM, EXIT = 1, 2, 3, 4

HEADER = "3I"
HEADER_SIZE = struct.calcsize(HEADER)


class MsgProtocol:
    def pack(self, command, content, reply_wanted=0):
        body = json.dumps(content, ensure_ascii=False)
        return struct.pack(HEADER, len(body), command, reply_wanted) + body.encode("utf-8")

    def unpack(self, data, handler):
        """Hands every whole message to the handler, and returns what is left."""
        while len(data) >= HEADER_SIZE:
            size, command, reply_wanted = struct.unpack(HEADER, data[:HEADER_SIZE])
            if len(data) < HEADER_SIZE + size:
                break
            body = data[HEADER_SIZE:HEADER_SIZE + size]
            data = data[HEADER_SIZE + size:]
            handler(command, reply_wanted, json.loads(body.decode("utf-8")))
        return data
