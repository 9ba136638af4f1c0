"""What the improved version has in common."""

ADDRESS = ("127.0.0.1", 6666)


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError("closed {} bytes into a message of {}".format(len(data), size))
        data += piece
    return data
