"""Runs each command that a client sends, and answers with what it wrote. One client after the other.

    python3 server.py --dangerous-shell

Whoever can connect can run commands as the user who started it: that is the lesson of this specimen. README.md says what keeps it
harmless here; none of that belongs to the document's program.
"""
import os
import socket
import subprocess
import sys
import tempfile

ADDRESS = ("127.0.0.1", 8080)  # never another: see above

if sys.argv[1:] != ["--dangerous-shell"]:
    sys.exit("server.py: runs whatever it is sent; if that is what you want, say --dangerous-shell")


def shell(command, folder):
    # As shell=True, but a restricted shell without programs: the harness sends garbage too.
    return subprocess.Popen(["bash", "--restricted", "-c", command], cwd=folder, env={"PATH": folder},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def serve(folder):
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
                program = shell(command.decode("utf-8"), folder)
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


with tempfile.TemporaryDirectory() as empty:
    os.chmod(empty, 0o500)
    serve(empty)
