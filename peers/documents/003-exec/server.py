"""Runs each command that a client sends, and answers with what it wrote. One client after the other.

    python3 server.py --dangerous-shell

Whoever can connect can run commands as the user who started it: that is the lesson of this specimen. README.md says what keeps it
harmless here; none of that belongs to the document's program.
"""
import shutil
import socket
import subprocess
import sys

ADDRESS = ("127.0.0.1", 8080)  # never another: see above

if sys.argv[1:] != ["--dangerous-shell"]:
    print("server.py: runs whatever it is sent; if that is what you want, say --dangerous-shell", file=sys.stderr)
    sys.exit(2)

BASH = shutil.which("bash")
NO_PROGRAMS = "/nonexistent"


def shell(command):
    # As shell=True, but a restricted shell without programs: the harness sends garbage too.
    return subprocess.Popen([BASH, "--restricted", "-c", command], cwd="/", env={"PATH": NO_PROGRAMS},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(ADDRESS)
listener.listen(5)
print("Server listening on port {}".format(ADDRESS[1]))
client = None

try:
    while True:
        client, address = listener.accept()
        print(f"Connected: {address}")
        while True:
            command = client.recv(1024)
            if not command or command.decode("utf-8").strip().upper() == "EXIT":
                break
            print(f"Command: {command.decode('utf-8')}")
            program = shell(command.decode("utf-8"))
            output = program.stdout.read()
            errors = program.stderr.read()
            client.send(output + errors)
except ConnectionResetError:
    print("The client has reset the connection")
except KeyboardInterrupt:
    print("Stopped")
except Exception as error:
    print(f"Unexpected: {error}")
finally:
    if client:
        client.close()
    listener.close()
