%% The Erlang peer's client: a netcat for messages.
%%
%%     erl -noshell -noinput +Bd -pa EBIN -s client -extra --framing u32be 127.0.0.1 9000
%%
%% stdin carries the messages to send, stdout the messages received, each as a 4-byte big-endian length and the body, whatever the
%% framing on the wire. Each is passed on at once. The end of stdin half-closes the connection; the client then receives until the
%% server closes, and exits 0. When the server closes before, that is 0 if there was an answer to each message sent and no further
%% one comes. Else it exits 1 with the reason on stderr. With the framing datagram, which cannot be half-closed, it receives behind
%% the end of stdin until there are as many answers as messages, or none came for --wait seconds. OTP 20 or newer, 24.3 for
%% datagrams.
-module(client).
-export([start/0]).

-include("limits.hrl").

-define(USAGE, "usage: client [--framing FRAMING] [--max-frame BYTES] [--wait SECONDS] HOST PORT").

start() ->
    command_line:run("client", fun main/0).

main() ->
    %% A report of a crash would go to stdout, between the messages.
    error_logger:tty(false),
    %% Not the run-time system's orderly stop: that would exit 0, as if all had been answered.
    os:set_signal(sigterm, default),
    Defaults = #{"framing" => "u32be", "max-frame" => ?MAX_FRAME, "wait" => ?DATAGRAM_MS div 1000},
    case command_line:read(Defaults, ?USAGE) of
        {Options, [Host, Port]} -> converse(Host, command_line:port(Port), Options);
        {_Options, _NoAddress} -> command_line:usage(?USAGE)
    end.

converse(Host, Port, #{"framing" := Name, "max-frame" := MaxFrame, "wait" := Wait}) ->
    case command_line:framing(Name) of
        datagram -> datagram_client:converse(Host, Port, command_line:integer(MaxFrame), 1000 * command_line:integer(Wait));
        Framing -> stream_client:converse(Host, Port, Framing, command_line:integer(MaxFrame))
    end.
